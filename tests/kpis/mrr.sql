-- by: segment
-- variants: new expansion contraction churn reactivation exchange_rates change
with priced as (
    select w.period, coalesce(s.customer_id, s.account_id) as who, s.mrr, s.started_at, s.ended_at,
        midnight(w.first_day) as begin, midnight(w.after_day) as finish, d.moment,
        case when s.currency = 'EUR' then 1.0 else (select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.first_day))::date) end as rate,
        case when s.currency = 'EUR' then 1.0 else (select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.after_day))::date) end as rate_now,
        coalesce(c.segment, a.segment) as segment
    from windows w join paid s on s.started_at <= midnight(w.after_day)
    cross join lateral (select case when getvariable('variant') is null then midnight(w.after_day)
        else midnight(w.first_day) end as moment) d
    left join people c on c.source_id = s.customer_id and held(d.moment, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(d.moment, a.valid_from, a.valid_to)
),
returns as (  -- whose later contract began within the period when none ran
    select distinct p.period, p.who from priced p where p.started_at > p.begin and not exists (
        select 1 from priced o where o.period is not distinct from p.period and o.who = p.who
            and o.started_at < p.started_at and (o.ended_at is null or o.ended_at >= p.started_at))
    and exists (select 1 from priced o where o.period is not distinct from p.period and o.who = p.who
            and o.started_at < p.started_at)
),
each_one as (
    select p.period, p.who,
        coalesce(arg_max(segment, mrr * rate) filter (held(moment, started_at, ended_at)), arg_max(segment, mrr * rate)) as segment,
        coalesce(sum(mrr * rate) filter (held(begin, started_at, ended_at)), 0) as before,
        coalesce(sum(mrr * rate) filter (held(finish, started_at, ended_at)), 0) as after,
        coalesce(sum(mrr * rate_now) filter (held(finish, started_at, ended_at)), 0) as after_now,
        bool_or(held(begin, started_at, ended_at)) as at_start, bool_or(held(finish, started_at, ended_at)) as at_end,
        bool_or(ended_at <= begin) as once, any_value(r.who) is not null as returned
    from priced p left join returns r on r.who = p.who and r.period is not distinct from p.period
    group by 1, 2
),
judged as (
    select *, case
        when not at_end then 'churn' when not at_start and once then 'reactivation' when not at_start then 'new'
        when returned then 'both' when after > before then 'expansion' when after < before then 'contraction' end as what
    from each_one where at_end or (at_start and getvariable('variant') is not null)
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    sum(case coalesce(getvariable('variant'), '')
        when '' then after_now
        when 'change' then after_now - before
        when 'exchange_rates' then after_now - after
        when 'churn' then case when what in ('churn', 'both') then -before else 0 end
        when 'reactivation' then case when what in ('reactivation', 'both') then after else 0 end
        else case when what = getvariable('variant') then after - before else 0 end end) as value,
    count(*) as n, 0 as pending
from judged group by 1, 2
