with held as (
    select w.period, w.begin, coalesce(s.customer_id, s.account_id) as unit, s.customer_id, s.account_id, s.mrr * r.rate as mrr,
        s.started_at <= w.begin as at_start, s.until > w.finish as at_end, s.started_at, s.until
    from (select period, begin::timestamp + interval 1 month - interval 12 month as first, first::timestamptz as begin, finish from windows) w
    join paid s on s.started_at <= w.finish and s.until > w.begin
    left join rates r on r.base = s.currency and r.day = w.begin::date
),
gaps as (
    select *, started_at > begin and started_at > max(until) over (partition by period, unit order by started_at, until
        rows between unbounded preceding and 1 preceding) as gap
    from held
),
lives as (
    select g.period, g.unit, arg_max(coalesce(c.segment, a.segment), mrr) filter (at_start) as segment, bool_or(at_start) as there,
        sum(mrr) filter (at_start) as before, coalesce(sum(mrr) filter (at_end), 0) as after, bool_or(coalesce(gap, false)) as back
    from gaps g @segment(g, g.begin) group by 1, 2
)
select period, segment, unit, case when back then 0 else after end::double as num, before::double as den, 1 as n, 0 as pending
from lives where there
