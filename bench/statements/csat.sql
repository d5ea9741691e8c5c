select slot(t.answered_at) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.submission_id, t.id) as unit,
    count(*) filter (score >= 4) as num, count(*) as den, den as n, 0 as pending
from responses t @segment(t, t.answered_at)
where t.kind = 'csat' and t.score is not null and t.scale_min = 1 and t.scale_max = 5 and asked(t.answered_at)
group by 1, 2, 3
