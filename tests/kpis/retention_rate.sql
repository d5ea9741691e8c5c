-- by: segment
-- variants: by_customer by_account by_subscription formula repeat_purchase repeat_purchase_ever
with held_by as (
    select w.period, w.first_day, w.after_day, s.mrr, s.started_at, s.ended_at,
        case getvariable('variant')
            when 'by_subscription' then s.id
            when 'by_account' then coalesce(coalesce(s.account_id, c.account_id), s.customer_id)
            else coalesce(s.customer_id, s.account_id) end as who,
        coalesce(c.segment, a.segment) as segment
    from windows w join paid s on true
    left join people c on c.source_id = s.customer_id and held(midnight(w.first_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.first_day), a.valid_from, a.valid_to)
),
lives as (
    select period, who, arg_max(segment, mrr) as segment,
        bool_or(held(midnight(first_day), started_at, ended_at)) as at_start,
        bool_or(held(midnight(after_day), started_at, ended_at)) as at_end
    from held_by
    where (ended_at is null or ended_at > midnight(first_day)) and started_at <= midnight(after_day)
    group by 1, 2
),
ordered as (  -- orders with somebody's name, lines of one order taken together
    select coalesce('p' || customer_id, 'a' || account_id) as who, coalesce(order_id, source_id) as number,
        min(ordered_at) as moment, min(customer_id) as customer_id, min(account_id) as account_id
    from bought where coalesce(customer_id, account_id) is not null
        and lower(coalesce(status, '')) not in ('cancelled', 'canceled', 'refund', 'refunded_only')
    group by 1, 2
),
firsts as (
    select o.*, row_number() over (partition by who order by moment, number) as turn, lead(moment) over (partition by who order by moment, number) as again
    from ordered o
),
first_buyers as (
    select slot(f.moment) as period, coalesce(c.segment, a.segment) as segment, f.again is not null as ever,
        coalesce(f.again <= f.moment + interval 90 days, false) as soon,
        getvariable('variant') = 'repeat_purchase' and f.moment + interval 90 days > (select max(ordered_at) from bought) as open
    from firsts f
    left join people c on c.source_id = f.customer_id and held(f.moment, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(f.account_id, c.account_id) and held(f.moment, a.valid_from, a.valid_to)
    where f.turn = 1 and asked(f.moment) and getvariable('variant') like 'repeat%'
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    case getvariable('variant')
        when 'formula' then 100.0 * (count(*) filter (at_end) - count(*) filter (not at_start))
            / count(*) filter (at_start)
        else 100.0 * count(*) filter (at_start and at_end) / count(*) filter (at_start) end as value,
    case getvariable('variant') when 'formula' then count(*) else count(*) filter (at_start) end as n, 0 as pending
from lives group by 1, 2 having count(*) filter (at_start) > 0
union all
select period, case when getvariable('dimension') = 'segment' then segment end,
    100.0 * count(*) filter (not open and case when getvariable('variant') = 'repeat_purchase' then soon else ever end)
        / nullif(count(*) filter (not open), 0),
    count(*) filter (not open), count(*) filter (open)
from first_buyers group by 1, 2
