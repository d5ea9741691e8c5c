-- by: channel
-- variants: median p90 km_median first_resolution waiting_on_us per_received business as_zendesk as_chatwoot
with given as (
    select *,
        case getvariable('variant')
            when 'first_resolution' then made__first_resolution_seconds
            when 'waiting_on_us' then made__waiting_on_us_seconds
            when 'business' then made__resolution_business_seconds
            when 'as_zendesk' then epoch(made__resolved_at) - epoch(opened_at)
            when 'as_chatwoot' then epoch(made__resolved_at) - epoch(opened_at)
            when 'per_received' then coalesce(made__resolution_seconds, 0)
            when 'km_median' then coalesce(made__resolution_seconds, made__unresolved_seconds)
            else made__resolution_seconds end as took,
        made__resolved_at is not null or made__resolution_seconds is not null as resolved,
        coalesce(getvariable('variant') in ('per_received', 'km_median'), false) as by_start
    from cases
),
judged as (
    select *, slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
        resolved or by_start as done
    from (select *, case when by_start then opened_at else coalesce(made__resolved_at, opened_at) end as moment from given)
    where asked(moment)
),
steps as (
    select period, dim, took, count(*) filter (resolved and made__human_replies > 0) as solved,
        sum(count(*)) over (partition by period, dim order by took desc) as at_risk
    from judged group by 1, 2, 3
),
curve as (
    select period, dim, took, solved = at_risk as over,
        exp(sum(ln(nullif(1 - solved / at_risk, 0))) over (partition by period, dim order by took)) as remain
    from steps
),
reached as (select period, dim, min(took) filter (over or remain <= 0.5 + 1e-12) as took from curve group by 1, 2)
select j.period, j.dim,
    case getvariable('variant')
        when 'median' then quantile_cont(j.took, 0.5) filter (done)
        when 'p90' then quantile_cont(j.took, 0.9) filter (done)
        when 'km_median' then any_value(r.took)
        else sum(j.took) filter (done) / count(j.took) filter (done) end as value,
    count(j.took) filter (done) as n, count(*) filter (not done) as pending
from judged j left join reached r on r.period is not distinct from j.period and r.dim is not distinct from j.dim
group by 1, 2
