with given as (select * from cases where coalesce(opened_by, '') not in ('human', 'automation')),
back as (
    select distinct x.id from given x join given y on y.customer_id = x.customer_id and y.opened_at > x.made__resolved_at
        and y.opened_at <= x.made__resolved_at + interval 7 day
    where y.id <> x.id and coalesce(y.topic = x.topic, true)
),
judged as (
    select t.*, coalesce(t.made__resolved_at, 'infinity') + interval 7 day > (select finish from story) as waiting, b.id is null
        and not coalesce(t.made__first_reopened_at <= t.made__first_resolved_at + interval 7 day, false) as settled
    from given t left join back b on b.id = t.id where t.customer_id is not null or t.made__resolved_at is null
)
select slot(coalesce(t.made__resolved_at, t.opened_at)) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.id) as unit, count(*) filter (settled and not waiting) as num,
    count(*) filter (not waiting) as den, den as n, count(*) filter (waiting) as pending
from judged t @segment(t, coalesce(t.made__resolved_at, t.opened_at))
where asked(coalesce(t.made__resolved_at, t.opened_at))
group by 1, 2, 3
