-- What every statement in this folder starts from: the lake's rows as they are now, and the asked period on Berlin's wall.
-- The contract suite sets the variables start, finish (local days, the last one excluded), grain, dimension and variant.
create or replace temp macro midnight(day) as timezone('Europe/Berlin', day::timestamp);
create or replace temp macro asked(moment) as moment >= midnight(getvariable('start')) and moment < midnight(getvariable('finish'));
create or replace temp macro slot(moment) as
    case when getvariable('grain') = 'month' then date_trunc('month', timezone('Europe/Berlin', moment))::date end;
create or replace temp macro held(moment, first, after) as
    (first is null or first <= moment) and (after is null or moment < after);
create or replace temp view people as select * from facts.main.customers where not deleted;
create or replace temp view companies as select * from facts.main.accounts where not deleted;
create or replace temp view responses as
    select * from facts.main.survey_responses where not deleted and not coalesce(test, false) and coalesce(main, true);
create or replace temp view paid as
    select * from facts.main.subscriptions
    where not deleted and valid_to is null and not coalesce(trial, false) and coalesce(mrr, 1) > 0
      and (ended_at is null or ended_at > started_at);
-- What a unit of a currency was worth in euro from a day on: as given, or else the inverse of the way back.
create or replace temp view rates as
    select base, on_date, coalesce(max(rate) filter (given), max(rate)) as rate from (
        select from_currency as base, on_date, rate, true as given
        from facts.main.fx_rates where to_currency = 'EUR' and not deleted
        union all
        select to_currency, on_date, 1 / rate, false
        from facts.main.fx_rates where from_currency = 'EUR' and not deleted)
    group by 1, 2;
create or replace temp view bought as select * from facts.main.orders where not deleted;
create or replace temp view filled_carts as select * from facts.main.carts where not deleted;
create or replace temp view seen as select * from facts.main.visits where not deleted;
create or replace temp view cases as
    select * from facts.main.conversations
    where not deleted and not coalesce(spam, false) and merged_into is null and made_by__clock is not null;
create or replace temp view windows as
    select null::date as period, getvariable('start')::date as first_day, getvariable('finish')::date as after_day
    where getvariable('grain') is null
    union all
    select m::date, m::date, (m + interval 1 month)::date
    from generate_series(getvariable('start')::timestamp, getvariable('finish')::timestamp - interval 1 day, interval 1 month) g(m)
    where getvariable('grain') = 'month';
