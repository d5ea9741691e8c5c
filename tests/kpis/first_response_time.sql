-- by: channel
-- variants: mean p90 within_target business
with given as (
    select *, coalesce(made__first_customer_at, opened_at) as moment,
        case when getvariable('variant') = 'business' then made__first_response_business_seconds
             else made__first_response_seconds end as waited
    from cases where opened_by is null or opened_by not in ('human', 'automation')
),
judged as (
    select *, slot(moment) as period, waited is null as waiting from given
    where asked(moment)
        and not (made__first_response_seconds is null and made__first_human_reply_at is null
                 and (closed_at is not null or made__resolved_at is not null))
        and not (getvariable('variant') = 'business' and waited is null and made__first_response_seconds is not null)
)
select period, case when getvariable('dimension') = 'channel' then channel end as dim,
    case getvariable('variant')
        when 'mean' then avg(waited)
        when 'p90' then quantile_cont(waited, 0.9)
        when 'within_target' then 100.0 * count(*) filter (waited <= 3600) / count(waited)
        else quantile_cont(waited, 0.5) end as value,
    count(waited) as n, count(*) filter (waiting) as pending
from judged group by 1, 2
