-- by: segment
-- variants: by_customer by_account by_subscription over_start_plus_new revenue
with rates as (
    select from_currency as base, on_date, max(rate) as rate from facts.main.fx_rates
    where to_currency = 'EUR' and not deleted group by 1, 2
),
held_by as (
    select w.period, w.first_day, w.after_day, s.mrr, s.id, s.started_at, s.ended_at,
        case getvariable('variant')
            when 'by_subscription' then s.id
            when 'by_account' then coalesce(coalesce(s.account_id, c.account_id), s.customer_id)
            else coalesce(s.customer_id, s.account_id) end as who,
        coalesce(c.segment, a.segment) as segment,
        case when s.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.first_day))::date) end as rate
    from windows w join paid s on true
    left join people c on c.source_id = s.customer_id and held(midnight(w.first_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.first_day), a.valid_from, a.valid_to)
),
lives as (
    select period, who,
        coalesce(arg_max(segment, mrr) filter (started_at <= midnight(first_day)), arg_max(segment, mrr)) as segment,
        bool_or(held(midnight(first_day), started_at, ended_at)) as at_start,
        bool_or(held(midnight(after_day), started_at, ended_at)) as at_end,
        sum(mrr * rate) filter (held(midnight(first_day), started_at, ended_at)) as paid_start,
        coalesce(sum(mrr * rate) filter (held(midnight(after_day), started_at, ended_at)), 0) as paid_end
    from held_by where ended_at is null or ended_at > midnight(first_day) group by 1, 2
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    case getvariable('variant')
        when 'revenue' then 100.0 * sum(greatest(paid_start - paid_end, 0)) filter (at_start) / sum(paid_start) filter (at_start)
        else 100.0 * count(*) filter (at_start and not at_end) / count(*) filter (at_start or chosen) end as value,
    case getvariable('variant') when 'over_start_plus_new' then count(*) filter (at_start or chosen)
        else count(*) filter (at_start) end as n, 0 as pending
from (select *, getvariable('variant') is not distinct from 'over_start_plus_new' and not at_start and at_end as chosen from lives)
group by 1, 2 having count(*) filter (at_start or chosen) > 0
