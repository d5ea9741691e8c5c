with still as (
    select w.period, w.finish, t.customer_id, t.account_id, t.id
    from cases t join windows w on t.opened_at < w.finish
    where coalesce(t.made__first_resolved_at, t.made__resolved_at, t.closed_at, 'infinity') >= w.finish
        or (t.made__first_reopened_at < w.finish and coalesce(t.made__resolved_at, 'infinity') >= w.finish)
)
select t.period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    count(*) as num, count(*) as den, den as n, 0 as pending
from still t @segment(t, t.finish)
group by 1, 2, 3
