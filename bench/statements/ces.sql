select slot(t.answered_at) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.submission_id, t.id) as unit,
    count(*) filter (score >= 5) as num, count(*) as den, den as n, 0 as pending
from responses t @segment(t, t.answered_at)
where t.kind = 'ces' and t.score is not null and t.scale_min = 1 and t.scale_max = 7
    and t.direction is distinct from 'low_is_good' and asked(t.answered_at)
group by 1, 2, 3
