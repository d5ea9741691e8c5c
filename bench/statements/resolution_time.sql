select slot(coalesce(t.made__resolved_at, t.opened_at)) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.id) as unit, fsum(t.made__resolution_seconds) as num,
    count(t.made__resolution_seconds) as den, den as n, count(*) - den as pending
from cases t @segment(t, coalesce(t.made__resolved_at, t.opened_at))
where asked(coalesce(t.made__resolved_at, t.opened_at))
group by 1, 2, 3
