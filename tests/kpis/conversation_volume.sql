-- by: segment
-- variants: per_100_customers
with opened as (
    select slot(opened_at) as period, p.segment, count(*) as cases
    from cases c left join people p on p.source_id = c.customer_id and held(c.opened_at, p.valid_from, p.valid_to)
    where asked(opened_at) and opened_by = 'customer' group by 1, 2
),
clients as (
    select w.period, s.customer_id, arg_max(coalesce(p.segment, a.segment), s.mrr) as segment
    from windows w join paid s on s.started_at <= midnight(w.after_day) and coalesce(s.ended_at > midnight(w.first_day), true)
    left join people p on p.source_id = s.customer_id and held(midnight(w.first_day), p.valid_from, p.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, p.account_id) and held(midnight(w.first_day), a.valid_from, a.valid_to)
    group by 1, 2
),
whole as (
    select period, case when getvariable('dimension') = 'segment' then segment end as dim, sum(cases) as cases, 0 as clients
    from opened group by 1, 2
    union all
    select period, case when getvariable('dimension') = 'segment' then segment end, 0, count(*) from clients
    where getvariable('variant') = 'per_100_customers' group by 1, 2
)
select period, dim,
    case when getvariable('variant') = 'per_100_customers' then 100.0 * sum(cases) / nullif(sum(clients), 0) else sum(cases) end as value,
    case when getvariable('variant') = 'per_100_customers' then sum(clients) else sum(cases) end as n, 0 as pending
from whole group by 1, 2
