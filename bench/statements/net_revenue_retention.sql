select period, segment, unit, case when back then 0 else after end::double as num, before::double as den, 1 as n, 0 as pending
from year_of_life where there
