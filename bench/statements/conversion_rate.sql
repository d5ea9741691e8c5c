select slot(t.started_at) as period, coalesce(c.segment, a.segment) as segment, t.visitor_id as unit,
    (count(t.converted_at) > 0)::int as num, 1 as den, 1 as n, 0 as pending
from (select *, null::varchar as account_id from facts.main.visits) t @segment(t, t.started_at)
where not t.deleted and asked(t.started_at)
group by 1, 2, 3
