with spans as (select period, (finish::timestamp - interval 12 month)::timestamptz as begin, finish from windows),
monthly as (
    select slot(t.ordered_at) as month, t.customer_id, max(t.account_id) as account_id,
        sum(case when lower(coalesce(t.status, '')) in ('cancelled', 'canceled') then 0
            else r.rate * (coalesce(revenue, 0) - coalesce(refunded, 0)) end) as net
    from facts.main.orders t left join rates r on r.base = t.currency and r.day = t.ordered_at::date
    where not t.deleted and t.customer_id is not null
        and lower(coalesce(t.status, '')) not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
    group by 1, 2
),
bought as (
    select w.period, w.finish, m.customer_id, max(m.account_id) as account_id, sum(m.net) as net
    from spans w join monthly m on m.month >= w.begin::date and m.month < w.finish::date group by 1, 2, 3 having sum(m.net) > 0
),
heard as (
    select distinct slot(answered_at) as month, customer_id from facts.main.survey_responses
    where not deleted and not coalesce(test, false) and (score is not null or choice is not null) and customer_id is not null
),
heard_in as (
    select distinct w.period, h.customer_id from spans w join heard h on h.month >= w.begin::date and h.month < w.finish::date
)
select t.period, coalesce(c.segment, a.segment) as segment, t.customer_id as unit,
    case when h.customer_id is null then 0 else t.net end::double as num, t.net::double as den, 1 as n, 0 as pending
from bought t left join heard_in h on h.period = t.period and h.customer_id = t.customer_id @segment(t, t.finish)
