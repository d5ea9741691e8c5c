select slot(t.used_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id) as unit,
    1 as num, 1 as den, 1 as n, 0 as pending
from facts.main.usage t @segment(t, t.used_at)
where not t.deleted and coalesce(t.quantity, 1) <> 0 and asked(t.used_at) and coalesce(t.customer_id, t.account_id) is not null
group by 1, 2, 3
