-- by: segment
-- variants: by_customer by_account by_subscription monthly with_reactivation as_chartmogul as_baremetrics exchange_rates
with spans as (
    select period, after_day, (after_day - case getvariable('variant') when 'monthly' then interval 1 month
        when 'as_baremetrics' then interval 30 days
        else interval 12 months end)::date as first_day
    from windows
),
held_by as (
    select w.period, s.mrr * case when s.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.first_day))::date) end as mrr,
        s.mrr * case when s.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.after_day))::date) end as mrr_now,
        held(midnight(w.first_day), s.started_at, s.ended_at) as at_start,
        held(midnight(w.after_day), s.started_at, s.ended_at) as at_end,
        case getvariable('variant')
            when 'by_subscription' then s.id
            when 'by_account' then coalesce(coalesce(s.account_id, c.account_id), s.customer_id)
            else coalesce(s.customer_id, s.account_id) end as who,
        coalesce(c.segment, a.segment) as segment,
        s.id, s.started_at, s.ended_at, midnight(w.first_day) as begin, midnight(w.after_day) as finish
    from spans w join paid s on true
    left join people c on c.source_id = s.customer_id and held(midnight(w.first_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.first_day), a.valid_from, a.valid_to)
),
returned as (  -- somebody whose later contract began when no earlier one ran
    select distinct h.period, h.who from held_by h
    where h.started_at > h.begin and h.started_at <= h.finish and not exists (
        select 1 from held_by o where o.period is not distinct from h.period and o.who = h.who and o.id <> h.id
            and o.started_at <= h.started_at and (o.ended_at is null or o.ended_at >= h.started_at))
),
lives as (
    select period, who, arg_max(segment, mrr) filter (at_start) as segment, sum(mrr) filter (at_start) as before,
        coalesce(sum(mrr) filter (at_end), 0) as after, coalesce(sum(mrr_now) filter (at_end), 0) as after_now, bool_or(at_start) as there
    from held_by group by 1, 2
)
select l.period, case when getvariable('dimension') = 'segment' then segment end as dim,
    100.0 * sum(case when r.who is not null and coalesce(getvariable('variant'), '') not in ('with_reactivation', 'as_chartmogul')
        then 0 when getvariable('variant') = 'exchange_rates' then after_now - after else after end) / sum(before) as value, count(*) as n, 0 as pending
from lives l left join returned r on r.who = l.who and r.period is not distinct from l.period
where there and before is not null group by 1, 2
