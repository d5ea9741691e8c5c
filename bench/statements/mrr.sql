with held as (
    select w.period, w.finish, coalesce(s.customer_id, s.account_id) as unit, s.customer_id, s.account_id, s.mrr * r.rate as mrr
    from windows w join paid s on s.started_at <= w.finish and s.until > w.finish
    left join rates r on r.base = s.currency and r.day = w.finish::date
)
select t.period, arg_max(coalesce(c.segment, a.segment), t.mrr) as segment, t.unit, sum(t.mrr)::double as num, 1 as den, 1 as n, 0 as pending
from held t @segment(t, t.finish) group by 1, 3
