select slot(t.opened_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    count(*) filter (t.escalated) as num, count(*) as den, den as n, 0 as pending
from cases t @segment(t, t.opened_at)
where asked(t.opened_at) and coalesce(t.opened_by, '') not in ('human', 'automation') and t.escalated is not null
group by 1, 2, 3
