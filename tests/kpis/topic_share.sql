-- by: region
-- variants: negative
with given as (
    select x.*, slot(x.written_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || x.customer_id, x.id) as who
    from facts.main.text_scores x
    left join people c on c.source_id = x.customer_id and held(x.written_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(x.written_at, a.valid_from, a.valid_to)
    where not x.deleted and x.model <> 'human' and x.sentiment is not null and asked(x.written_at)
      and (getvariable('variant') is distinct from 'negative' or x.sentiment = 'negative')
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    100.0 * count(topic_id) / count(*) as value, count(*) as n, 0 as pending, count(distinct who) as units
from given group by 1, 2
