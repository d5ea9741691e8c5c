select slot(coalesce(t.made__first_resolved_at, t.opened_at)) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.id) as unit,
    count(*) filter (t.made__first_reopened_at <= t.made__first_resolved_at + interval 7 day and not young) as num,
    count(*) filter (not young) as den, den as n, count(*) filter (young) as pending
from (select *, coalesce(made__first_resolved_at, 'infinity') + interval 7 day > (select finish from story) as young from cases) t @segment(t, coalesce(t.made__first_resolved_at, t.opened_at))
where asked(coalesce(t.made__first_resolved_at, t.opened_at))
group by 1, 2, 3
