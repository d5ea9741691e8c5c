select t.choice as outcome, slot(t.answered_at) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.submission_id, t.id) as unit, count(*) as rows
from responses t @segment(t, t.answered_at)
where t.kind = 'intent' and t.choice is not null and asked(t.answered_at)
group by 1, 2, 3, 4
