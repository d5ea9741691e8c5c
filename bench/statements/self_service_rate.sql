with given as (
    select *, coalesce(made__resolved_at, closed_at) as ended, coalesce(made__human_replies, 0) > 0 as manned,
        (not manned and ended is null)
            or case when manned then opened_at else coalesce(ended, opened_at) end + interval 7 day > (select finish from story) as young
    from cases where coalesce(opened_by, '') not in ('human', 'automation')
),
back as (
    select distinct x.id from given x join given y on y.customer_id = x.customer_id and y.opened_at > x.ended
        and y.opened_at <= x.ended + interval 7 day
    where y.id <> x.id and coalesce(y.topic = x.topic, true)
)
select slot(t.opened_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    count(*) filter (not young and not manned and b.id is null) as num,
    count(*) filter (not young) as den, den as n, count(*) - den as pending
from given t left join back b on b.id = t.id @segment(t, t.opened_at)
where asked(t.opened_at)
group by 1, 2, 3
