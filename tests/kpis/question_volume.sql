-- by: region
-- variants: share
with given as (
    select x.*, slot(x.written_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || x.customer_id, x.id) as who, x.issue = 'question' or x.issue = 'request' as asks
    from facts.main.text_scores x
    left join people c on c.source_id = x.customer_id and held(x.written_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(x.written_at, a.valid_from, a.valid_to)
    where not x.deleted and x.model <> 'human' and x.issue is not null and asked(x.written_at)
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case when getvariable('variant') = 'share' then 100.0 * count(*) filter (asks) / count(*) else count(*) end as value,
    count(*) as n, 0 as pending, count(distinct who) as units
from given where asks or getvariable('variant') = 'share' group by 1, 2
