-- by: segment
-- variants: by_customer by_account by_subscription over_start_plus_new revenue over_average annualised shopify inactive as_chartmogul as_baremetrics
with looked as (
    select period, after_day, case when getvariable('variant') = 'as_baremetrics'
        then (after_day - interval 30 days)::date else first_day end as first_day
    from windows
),
held_spans as (  -- what makes somebody a customer: a paid subscription, or for `inactive` an order in the last 90 days
    select id, source_id, customer_id, account_id, mrr, currency, started_at, ended_at from paid
    where getvariable('variant') is distinct from 'inactive'
    union all
    select id, source_id, customer_id, account_id, 0, 'EUR', ordered_at, ordered_at + interval 90 days from bought
    where getvariable('variant') = 'inactive' and coalesce(customer_id, account_id) is not null
        and lower(coalesce(status, '')) not in ('cancelled', 'canceled', 'refund', 'refunded_only')
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
    from looked w join held_spans s on true
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
),
on_days as (  -- who was there at each midnight of the period, and at the next
    select h.period, h.who, l.segment, d.day::date as day, h.after_day - h.first_day as length,
        bool_or(held(midnight(d.day::date), h.started_at, h.ended_at)) as there,
        bool_or(held(midnight((d.day + interval 1 day)::date), h.started_at, h.ended_at)) as there_next
    from held_by h join lives l on l.who = h.who and l.period is not distinct from h.period,
        generate_series(h.first_day::timestamp, h.after_day::timestamp - interval 1 day, interval 1 day) d(day)
    where getvariable('variant') = 'shopify'
    group by 1, 2, 3, 4, 5
),
day_rates as (
    select period, case when getvariable('dimension') = 'segment' then segment end as dim, day,
        count(*) filter (there and not there_next) / nullif(count(*) filter (there), 0) as rate
    from on_days group by 1, 2, 3
),
there_once as (
    select period, case when getvariable('dimension') = 'segment' then segment end as dim, count(distinct who) as n
    from on_days where there group by 1, 2
),
counted as (
    select period, case when getvariable('dimension') = 'segment' then segment end as dim,
        count(*) filter (at_start and not at_end) as lost, count(*) filter (at_start) as old,
        count(*) filter (at_end) as late, count(*) filter (at_start or at_end) as either,
        sum(greatest(paid_start - paid_end, 0)) filter (at_start) as less, sum(paid_start) filter (at_start) as paid
    from lives group by 1, 2
)
select period, dim,
    case getvariable('variant')
        when 'revenue' then 100.0 * less / paid
        when 'over_start_plus_new' then 100.0 * lost / either
        when 'over_average' then 100.0 * lost / ((old + late) / 2)
        when 'annualised' then 100.0 * (1 - (1 - lost / old) ** (12.0 / case when period is null then 6 else 1 end))
        else 100.0 * lost / old end as value,
    case when getvariable('variant') in ('over_start_plus_new', 'over_average') then either else old end as n,
    0 as pending
from counted
where getvariable('variant') is distinct from 'shopify'
    and case when getvariable('variant') in ('over_start_plus_new', 'over_average') then either else old end > 0
union all
select r.period, r.dim, 100.0 * sum(r.rate), any_value(o.n), 0
from day_rates r join there_once o on o.period is not distinct from r.period and o.dim is not distinct from r.dim
group by 1, 2
