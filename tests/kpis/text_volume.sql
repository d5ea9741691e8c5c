-- by: region
-- variants: with_content on_a_topic
with given as (
    select x.*, slot(x.written_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || x.customer_id, x.id) as who
    from facts.main.text_scores x
    left join people c on c.source_id = x.customer_id and held(x.written_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(x.written_at, a.valid_from, a.valid_to)
    where not x.deleted and x.model <> 'human' and asked(x.written_at)
      and case getvariable('variant') when 'with_content' then x.unread is distinct from 'no content'
          when 'on_a_topic' then x.topic_id is not null else true end
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    count(*) as value, count(*) as n, 0 as pending, count(distinct who) as units
from given group by 1, 2
