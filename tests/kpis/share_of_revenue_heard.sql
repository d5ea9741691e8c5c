-- by: segment
-- variants: by_account customers
with spans as (
    select period, midnight((after_day - interval 12 months)::date) as begin, midnight(after_day) as finish from windows
),
bought_in as (
    select s.period, s.begin, s.finish, o.customer_id, coalesce(o.account_id, c.account_id) as account_id,
        coalesce(c.segment, a.segment) as segment,
        case when lower(coalesce(o.status, '')) in ('cancelled', 'canceled') then 0
             else (coalesce(o.revenue, 0) - coalesce(o.refunded, 0)) * case when o.currency = 'EUR' then 1.0 else (
                select arg_max(r.rate, r.on_date) from rates r
                where r.base = o.currency and r.on_date <= timezone('UTC', o.ordered_at)::date) end end as money
    from spans s join bought o on o.ordered_at >= s.begin and o.ordered_at < s.finish
    left join people c on c.source_id = o.customer_id and held(s.finish, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(o.account_id, c.account_id) and held(s.finish, a.valid_from, a.valid_to)
    where lower(coalesce(o.status, '')) not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
),
answered as (
    select r.answered_at, r.customer_id, coalesce(r.account_id, c.account_id) as account_id
    from facts.main.survey_responses r
    left join people c on c.source_id = r.customer_id and held(r.answered_at, c.valid_from, c.valid_to)
    where not r.deleted and not coalesce(r.test, false) and (r.score is not null or r.choice is not null)
),
each_one as (
    select period, begin, finish, any_value(segment) as segment, sum(money) as money,
        case when getvariable('variant') = 'by_account' then account_id else customer_id end as who
    from bought_in where customer_id is not null group by all
),
judged as (
    select *, exists (select 1 from answered r where r.answered_at >= e.begin and r.answered_at < e.finish and e.who =
        case when getvariable('variant') = 'by_account' then r.account_id else r.customer_id end) as heard
    from each_one e where money > 0
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    case when getvariable('variant') = 'customers' then 100.0 * count(*) filter (heard) / count(*)
         else 100.0 * coalesce(sum(money) filter (heard), 0) / sum(money) end as value,
    count(*) as n, 0 as pending
from judged group by 1, 2
