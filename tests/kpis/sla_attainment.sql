-- by: priority
-- variants: first_response resolution
with promises as (
    select priority, made__first_response_due_at as due, made__first_human_reply_at as done, 'first_response' as promise,
        coalesce(made__resolved_at, closed_at) as ended
    from cases where opened_by = 'customer'
    union all
    select priority, made__resolution_due_at, made__resolved_at, 'resolution', null from cases
)
select slot(due) as period, case when getvariable('dimension') = 'priority' then priority end as dim,
    100.0 * count(*) filter (done <= due) / count(*) as value, count(*) as n, 0 as pending
from promises
where asked(due) and coalesce(getvariable('variant'), promise) = promise and not (done is null and coalesce(ended <= due, false))
group by 1, 2
