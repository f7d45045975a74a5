namespace EstProv.Fleet.Simulation;

/// <summary>Attempts by the minute.</summary>
internal sealed class Traffic(TimeSpan length)
{
    private const int MinutesPerHour = 60;
    private const double SecondsPerHour = 3600;

    private readonly int[] _perMinute = new int[(int)length.TotalMinutes + 1];

    public long Total { get; private set; }

    public TimeSpan Length => length;

    public void Count(long now)
    {
        Total++;
        _perMinute[now / 60_000]++;
    }

    public void Add(Traffic other)
    {
        Total += other.Total;
        for (var i = 0; i < _perMinute.Length; i++) _perMinute[i] += other._perMinute[i];
    }

    /// <summary>A second, from the first attempt to the end.</summary>
    public double Mean()
    {
        var first = Array.FindIndex(_perMinute, static count => count > 0);
        return first < 0 ? 0 : Total / (length - TimeSpan.FromMinutes(first)).TotalSeconds;
    }

    /// <summary>A second, in the busiest of all hours: they may begin at any minute, so this is more than the busiest hour by the clock.</summary>
    public double BusiestHour(TimeSpan from = default, TimeSpan? until = null)
    {
        var (begin, end) = ((int)from.TotalMinutes, Math.Min(_perMinute.Length, (int)(until ?? length).TotalMinutes + 1));
        long sum = 0, most = 0;
        for (var i = begin; i < end; i++)
        {
            sum += _perMinute[i];
            if (i - begin >= MinutesPerHour) sum -= _perMinute[i - MinutesPerHour];
            most = Math.Max(most, sum);
        }

        return most / SecondsPerHour;
    }

    /// <summary>A second, in so many equal parts of a time.</summary>
    public double[] Rates(TimeSpan from, TimeSpan until, int parts)
    {
        var rates = new double[parts];
        var width = (until - from).TotalMinutes / parts;
        for (var part = 0; part < parts; part++)
        {
            var (begin, end) = ((int)(from.TotalMinutes + part * width), (int)(from.TotalMinutes + (part + 1) * width));
            long sum = 0;
            for (var i = begin; i < end && i < _perMinute.Length; i++) sum += _perMinute[i];
            rates[part] = end > begin ? sum / ((end - begin) * 60.0) : 0;
        }

        return rates;
    }
}
