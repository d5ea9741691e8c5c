with held as (
    select w.period, w.begin, coalesce(s.customer_id, s.account_id) as unit, s.customer_id, s.account_id, s.mrr, s.started_at <= w.begin as at_start,
        s.until > w.finish as at_end
    from windows w join paid s on s.started_at <= w.finish and s.until > w.begin
),
lives as (
    select period, unit, arg_max(segment, mrr) filter (at_start) as segment, bool_or(at_start) as at_start, bool_or(at_end) as at_end
    from (
        select h.*, coalesce(c.segment, a.segment) as segment
        from held h @segment(h, h.begin)
    ) group by 1, 2
)
select period, segment, unit, (not at_end)::int as num, 1 as den, 1 as n, 0 as pending from lives where at_start
