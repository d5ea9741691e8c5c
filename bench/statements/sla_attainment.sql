with promises as (
    select customer_id, account_id, id, made__first_response_due_at as due, made__first_human_reply_at as done,
        coalesce(made__resolved_at, closed_at) as ended
    from cases where coalesce(opened_by, '') not in ('human', 'automation')
    union all
    select customer_id, account_id, id, made__resolution_due_at, made__resolved_at, null from cases
)
select slot(t.due) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    count(*) filter (t.done <= t.due) as num, count(*) as den, den as n, 0 as pending
from promises t @segment(t, t.due)
where asked(t.due) and not (t.done is null and coalesce(t.ended <= t.due, false))
group by 1, 2, 3
