-- by: segment
-- variants: by_customer by_account by_subscription monthly quarterly
with spans as (
    select period, after_day, (after_day - case getvariable('variant') when 'monthly' then interval 1 month
        when 'quarterly' then interval 3 months else interval 12 months end)::date as first_day
    from windows
),
held_by as (
    select w.period, s.mrr * case when s.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.first_day))::date) end as mrr,
        held(midnight(w.first_day), s.started_at, s.ended_at) as at_start,
        held(midnight(w.after_day), s.started_at, s.ended_at) as at_end,
        case getvariable('variant')
            when 'by_subscription' then s.id
            when 'by_account' then coalesce(coalesce(s.account_id, c.account_id), s.customer_id)
            else coalesce(s.customer_id, s.account_id) end as who,
        coalesce(c.segment, a.segment) as segment
    from spans w join paid s on true
    left join people c on c.source_id = s.customer_id and held(midnight(w.first_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.first_day), a.valid_from, a.valid_to)
),
lives as (
    select period, who, arg_max(segment, mrr) filter (at_start) as segment, sum(mrr) filter (at_start) as before,
        coalesce(sum(mrr) filter (at_end), 0) as after, bool_or(at_start) as there
    from held_by group by 1, 2
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    100.0 * sum(least(before, after)) / sum(before) as value, count(*) as n, 0 as pending
from lives where there and before is not null group by 1, 2
