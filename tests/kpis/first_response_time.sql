-- by: channel
-- variants: mean p90 km_median km_p90 within_target from_handoff business as_zendesk as_intercom as_chatwoot
with given as (
    select *, case when getvariable('variant') = 'as_chatwoot' then coalesce(made__first_human_reply_at, opened_at)
            when getvariable('variant') like 'as_%' then opened_at
            else coalesce(made__first_customer_at, opened_at) end as moment,
        case getvariable('variant')
            when 'business' then made__first_response_business_seconds
            when 'from_handoff' then made__handoff_response_seconds
            when 'as_zendesk' then epoch(made__first_human_reply_at) - epoch(opened_at)
            when 'as_intercom' then epoch(made__first_human_reply_at) - epoch(opened_at)
            when 'as_chatwoot' then epoch(made__first_human_reply_at) - epoch(opened_at)
            else made__first_response_seconds end as waited,
        coalesce(getvariable('variant') like 'km_%', false) as survival
    from cases where opened_by is null or opened_by not in ('human', 'automation')
),
judged as (
    select *, slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
        waited is null and not survival as waiting
    from given
    where asked(moment)
        and not (made__first_response_seconds is null and made__first_human_reply_at is null
                 and case when survival then made__unanswered_seconds is null
                     else closed_at is not null or made__resolved_at is not null end)
        and not (getvariable('variant') = 'business' and waited is null and made__first_response_seconds is not null)
        and not (getvariable('variant') = 'from_handoff' and waited is null and made__handed_off_at is null)
),
-- Kaplan–Meier as a product over the times of replies: exp of the sum of logarithms.
spans as (
    select period, dim, coalesce(waited, made__unanswered_seconds) as span, waited is not null as replied from judged where survival
),
steps as (
    select period, dim, span, count(*) filter (replied) as replies,
        sum(count(*)) over (partition by period, dim order by span desc) as at_risk
    from spans group by 1, 2, 3
),
curve as (
    select period, dim, span, replies = at_risk as over,
        exp(sum(ln(nullif(1 - replies / at_risk, 0))) over (partition by period, dim order by span)) as remain
    from steps
),
reached as (
    select period, dim,
        min(span) filter (over or remain <= (case when getvariable('variant') = 'km_p90' then 0.1 else 0.5 end) + 1e-12) as span
    from curve group by 1, 2
)
select j.period, j.dim,
    case when bool_or(survival) then any_value(r.span) else case getvariable('variant')
        when 'mean' then avg(waited)
        when 'as_chatwoot' then avg(waited)
        when 'p90' then quantile_cont(waited, 0.9)
        when 'within_target' then 100.0 * count(*) filter (waited <= 3600) / count(waited)
        else quantile_cont(waited, 0.5) end end as value,
    count(*) filter (survival or waited is not null) as n, count(*) filter (waiting) as pending
from judged j left join reached r on r.period is not distinct from j.period and r.dim is not distinct from j.dim
group by 1, 2
