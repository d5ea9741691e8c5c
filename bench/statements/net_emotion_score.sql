-- The difference of two means, each answer written as what it adds to that difference.
with given as (
    select slot(t.answered_at) as period, coalesce(c.segment, a.segment) as segment,
        coalesce(t.customer_id, t.account_id, t.submission_id, t.id) as unit, t.score * 25 as score, t.choice in ('happy', 'valued') as good
    from facts.main.survey_responses t @segment(t, t.answered_at)
    where not t.deleted and not coalesce(t.test, false) and t.kind = 'emotion' and t.score is not null
        and t.scale_min = 1 and t.scale_max = 5 and asked(t.answered_at)
),
sides as (
    select period, segment, avg(score) filter (good) as up, avg(score) filter (not good) as down, count(*) as rows,
        count(*) filter (good) as ups, count(*) filter (not good) as downs
    from given group by 1, 2
)
select g.period, g.segment, g.unit,
    fsum(up - down + case when good then rows / ups * (score - up) else -rows / downs * (score - down) end) as num,
    count(*) as den, den as n, 0 as pending
from given g join sides s on s.period = g.period and s.segment is not distinct from g.segment
where ups > 0 and downs > 0
group by 1, 2, 3
