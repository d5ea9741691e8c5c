-- by: region
-- variants: healthy watch at_risk mean_coverage learned
with scored as (
    select w.period, s.*, row_number() over (partition by w.period, s.customer_id order by s.as_of desc, s.id desc) as turn,
        coalesce(c.region, a.region) as region
    from windows w
    join facts.main.customer_scores s on s.as_of < midnight(w.after_day)
    join people p on p.source_id = s.customer_id and p.valid_to is null
    left join people c on c.source_id = s.customer_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.after_day), a.valid_from, a.valid_to)
    where not s.deleted and s.kind = 'health'
      and (s.model = 'learned-simulated') = (getvariable('variant') is not distinct from 'learned')
      and (p.ended_at is null or p.ended_at > midnight(w.after_day))
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case getvariable('variant')
        when 'healthy' then 100.0 * count(*) filter (value >= 70) / count(*)
        when 'watch' then 100.0 * count(*) filter (value >= 40 and value < 70) / count(*)
        when 'at_risk' then 100.0 * count(*) filter (value < 40) / count(*)
        when 'mean_coverage' then avg(coverage)
        else avg(value) end as value,
    count(*) as n, 0 as pending, count(distinct customer_id) as units
from scored where turn = 1 group by 1, 2
