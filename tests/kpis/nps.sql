-- by: region
-- variants: latest_per_customer mean
with given as (
    select r.*, slot(r.answered_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || r.customer_id, 's' || r.submission_id, r.id) as who
    from responses r
    left join people c on c.source_id = r.customer_id and held(r.answered_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(r.account_id, c.account_id) and held(r.answered_at, a.valid_from, a.valid_to)
    where r.kind = 'nps' and r.score is not null and r.scale_min = 0 and r.scale_max = 10 and asked(r.answered_at)
),
counted as (
    select * from given
    qualify getvariable('variant') is distinct from 'latest_per_customer'
        or row_number() over (partition by who, period order by answered_at desc, id desc) = 1
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case getvariable('variant') when 'mean' then avg(score)
        else 100.0 * (count(*) filter (score >= 9) - count(*) filter (score <= 6)) / count(*) end as value,
    count(*) as n, 0 as pending, count(distinct who) as units
from counted group by 1, 2
