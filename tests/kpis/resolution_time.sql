-- by: channel
-- variants: median p90 first_resolution waiting_on_us per_received business
with given as (
    select *,
        case getvariable('variant')
            when 'first_resolution' then made__first_resolution_seconds
            when 'waiting_on_us' then made__waiting_on_us_seconds
            when 'business' then made__resolution_business_seconds
            when 'per_received' then coalesce(made__resolution_seconds, 0)
            else made__resolution_seconds end as took,
        made__resolved_at is not null or made__resolution_seconds is not null as resolved,
        case when getvariable('variant') = 'per_received' then opened_at else coalesce(made__resolved_at, opened_at) end as moment
    from cases
),
judged as (
    select *, slot(moment) as period, resolved or getvariable('variant') is not distinct from 'per_received' as done
    from given where asked(moment)
)
select period, case when getvariable('dimension') = 'channel' then channel end as dim,
    case getvariable('variant')
        when 'median' then quantile_cont(took, 0.5) filter (done)
        when 'p90' then quantile_cont(took, 0.9) filter (done)
        else sum(took) filter (done) / count(took) filter (done) end as value,
    count(took) filter (done) as n, count(*) filter (not done) as pending
from judged group by 1, 2
