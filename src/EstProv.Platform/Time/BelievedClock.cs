namespace EstProv.Platform.Time;

/// <summary>
/// The device's clock with a floor under it: boards without a battery start in 1970, and a certificate must not be judged by such a
/// clock.
/// </summary>
/// <remarks>
/// The wall clock is believed only when it is later than all that is known to have passed: the build of this program, the last time
/// that an authenticated server told us, and the start of our own certificates. The last time is stored only when a server
/// corroborated it, so that one boot in 2040 does not poison the floor. What a server told replaces what one told before: a server whose clock
/// was a year ahead for an hour is put right by the next answer. And where servers have agreed with the wall clock since it was last set, one that is
/// far ahead of it is not taken at its word: it can be either of them, but not the time that passed in between.
/// </remarks>
public sealed class BelievedClock
{
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _build;
    private readonly string? _stateFile;
    private static readonly TimeSpan Agreement = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan WorthStoring = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _told;
    private DateTimeOffset _stored;
    private (DateTimeOffset Wall, long Timestamp)? _agreed;

    /// <param name="time">The wall clock.</param>
    /// <param name="buildTime">When this program was built; nothing can be earlier.</param>
    /// <param name="stateFile">Where the corroborated time is kept over restarts (text, ISO 8601); null keeps it in memory only.</param>
    public BelievedClock(TimeProvider time, DateTimeOffset buildTime, string? stateFile = null)
    {
        _time = time;
        _stateFile = stateFile;
        _build = buildTime;
        _stored = _told = ReadStored(stateFile);
    }

    public TimeProvider TimeProvider => _time;

    /// <summary>The earliest time that it can be now.</summary>
    public DateTimeOffset Floor
    {
        get
        {
            lock (_gate) return _told > _build ? _told : _build;
        }
    }

    /// <summary>Whether the wall clock may be used to judge a certificate.</summary>
    public bool IsBelieved => _time.GetUtcNow() >= Floor;

    /// <summary>The wall clock where it is believed, else the floor.</summary>
    public DateTimeOffset Now
    {
        get
        {
            var now = _time.GetUtcNow();
            var floor = Floor;
            return now >= floor ? now : floor;
        }
    }

    /// <summary>
    /// Something that has happened, such as the start of one of our own certificates: by the clock of him who issued it, so that the next one who tells the time
    /// puts it right as well.
    /// </summary>
    public void Raise(DateTimeOffset happened)
    {
        lock (_gate)
        {
            if (happened > _told) _told = happened;
        }
    }

    /// <summary>
    /// An authenticated server said what time it is: that is the floor from now on. Stored only when it differs by more than an hour from what is stored, since
    /// flash memory wears.
    /// </summary>
    /// <returns>False when it is not believed: others have agreed with the wall clock, and it is far ahead of that.</returns>
    /// <exception cref="ProblemException">It cannot be stored; it is the floor all the same.</exception>
    public bool Corroborate(DateTimeOffset serverTime)
    {
        lock (_gate)
        {
            var (wall, timestamp) = (_time.GetUtcNow(), _time.GetTimestamp());
            var isRunning = _agreed is { } agreed && (wall - agreed.Wall - _time.GetElapsedTime(agreed.Timestamp, timestamp)).Duration() < Agreement;
            if (serverTime > wall + Agreement && isRunning) return false;
            if ((serverTime - wall).Duration() <= Agreement) _agreed = (wall, timestamp);
            _told = serverTime;
            if (_stateFile is null || (serverTime - _stored).Duration() < WorthStoring) return true;
            _stored = serverTime;
        }

        AtomicFile.Write(_stateFile, System.Text.Encoding.ASCII.GetBytes(Utc.Format(serverTime) + "\n"));
        return true;
    }

    private static DateTimeOffset ReadStored(string? file)
    {
        try
        {
            if (file is not null && File.Exists(file) && Utc.Parse(File.ReadAllText(file).Trim()) is { } stored) return stored;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // As on the first start: the next server that tells the time has it written again.
            return default;
        }

        return default;
    }
}
