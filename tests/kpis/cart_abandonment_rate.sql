-- by: region
-- variants: checkout by_visitor
with given as (
    select k.*, case when getvariable('variant') = 'checkout' then k.checkout_at else k.opened_at end as moment,
        coalesce(k.last_event_at, greatest(k.opened_at, k.checkout_at, k.bought_at)) as last
    from filled_carts k
    where getvariable('variant') is distinct from 'checkout' or k.checkout_at is not null
),
ended as (
    select max(latest) as latest from (
        select max(greatest(opened_at, checkout_at, bought_at, last_event_at)) as latest from filled_carts
        union all select max(started_at) from seen)
),
placed as (
    select g.*, slot(g.moment) as period, coalesce(c.region, a.region) as region,
        g.last + interval 30 minutes > (select latest from ended) as fresh
    from given g
    left join people c on c.source_id = g.customer_id and held(g.moment, c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(g.moment, a.valid_from, a.valid_to)
    where asked(g.moment)
),
keyed as (
    select period, case when getvariable('dimension') = 'region' then region end as dim, fresh,
        case when getvariable('variant') = 'by_visitor' then visitor_id else id end as one, bought_at
    from placed
),
judged as (
    select period, dim, one, bool_and(bought_at is null) filter (not fresh) as abandoned,
        count(*) filter (fresh) as pending
    from keyed group by 1, 2, 3
)
select period, dim, 100.0 * count(*) filter (abandoned) / count(abandoned) as value,
    count(abandoned) as n, sum(pending)::bigint as pending
from judged group by 1, 2
