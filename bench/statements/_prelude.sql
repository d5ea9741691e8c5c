-- What the statements of this folder share: who was in which segment when, the rates of each day, and the 24 months.
-- {start} and {end} are the range; A segment mark, as in the others, joins the customer c and the company a of t as of a moment.
create or replace temp macro slot(moment) as date_trunc('month', make_timestamp(epoch_us(moment)))::date;
create or replace temp macro asked(moment) as moment >= {start} and moment < {end};
create or replace temp table people as
    select source_id as key, account_id, segment, coalesce(valid_from, '-infinity') as begin, coalesce(valid_to, 'infinity') as finish
    from facts.main.customers where not deleted;
create or replace temp table companies as
    select source_id as key, segment, coalesce(valid_from, '-infinity') as begin, coalesce(valid_to, 'infinity') as finish
    from facts.main.accounts where not deleted;
create or replace temp table rates as
    select from_currency as base, on_date as day, rate from facts.main.fx_rates where to_currency = 'EUR' and not deleted
    union all
    select distinct 'EUR', on_date, 1.0 from facts.main.fx_rates where not deleted;
-- The last rate holds until there is a newer one, so the day on which the range ends has one, too.
insert into rates select base, max(day) + 1, arg_max(rate, day) from rates group by 1;
create or replace temp table windows as
    select m::date as period, m::timestamptz as begin, (m + interval 1 month)::timestamptz as finish
    from generate_series({start}::timestamp, {end}::timestamp - interval 1 day, interval 1 month) g(m);
create or replace temp view responses as
    select * from facts.main.survey_responses where not deleted and not coalesce(test, false) and coalesce(main, true);
create or replace temp view cases as
    select * from facts.main.conversations
    where not deleted and not coalesce(spam, false) and merged_into is null and made_by__clock is not null;
create or replace temp table story as  -- when the last thing happened in any conversation
    select greatest(max(opened_at), max(made__resolved_at), max(closed_at), (select max(sent_at) from facts.main.messages where not deleted),
        (select max(changed_at) from facts.main.status_events where not deleted)) as finish
    from facts.main.conversations where not deleted;
create or replace temp view paid as
    select *, coalesce(ended_at, 'infinity') as until from facts.main.subscriptions
    where not deleted and valid_to is null and not coalesce(trial, false) and coalesce(mrr, 1) > 0
        and (ended_at is null or ended_at > started_at);
-- Who paid a year before the end of each month, and what became of them by then.
create or replace temp view year_of_life as
with held as (
    select w.period, w.begin, coalesce(s.customer_id, s.account_id) as unit, s.customer_id, s.account_id, s.mrr * r.rate as mrr,
        s.started_at <= w.begin as at_start, s.until > w.finish as at_end, s.started_at, s.until
    from (select period, begin::timestamp + interval 1 month - interval 12 month as first, first::timestamptz as begin, finish from windows) w
    join paid s on s.started_at <= w.finish and s.until > w.begin
    left join rates r on r.base = s.currency and r.day = w.begin::date
),
gaps as (
    select *, started_at > begin and started_at > max(until) over (partition by period, unit order by started_at, until
        rows between unbounded preceding and 1 preceding) as gap
    from held
)
select g.period, g.unit, arg_max(coalesce(c.segment, a.segment), mrr) filter (at_start) as segment, bool_or(at_start) as there,
    sum(mrr) filter (at_start) as before, coalesce(sum(mrr) filter (at_end), 0) as after, bool_or(coalesce(gap, false)) as back
from gaps g @segment(g, g.begin) group by 1, 2;
