select slot(t.written_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, c.account_id, t.id) as unit,
    count(*) filter (t.strength = 'high') as num, count(*) as den, den as n, 0 as pending
from (select *, null::varchar as account_id from facts.main.text_scores) t @segment(t, t.written_at)
where not t.deleted and t.model <> 'human' and t.strength is not null and asked(t.written_at)
group by 1, 2, 3
