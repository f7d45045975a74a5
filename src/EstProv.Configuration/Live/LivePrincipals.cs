using Microsoft.Extensions.Logging;

namespace EstProv.Configuration.Live;

/// <summary>
/// What a daemon makes of its <c>[[principal]]</c> tables, made anew when a file of the configuration or the list of users has changed, without a restart.
/// Whoever asks looks at the files, at most once a second: no thread, no watch, nothing while nobody asks. Safe from any thread.
/// </summary>
/// <remarks>
/// A changed configuration with errors is logged once and leaves what was in force. A user who is no longer known loses his rights: his number may come to belong to
/// somebody else.
/// </remarks>
/// <typeparam name="TConfiguration">Of the daemon.</typeparam>
/// <typeparam name="TRules">What it decides by; not changed once made.</typeparam>
public sealed partial class LivePrincipals<TConfiguration, TRules>
    where TConfiguration : class
    where TRules : class
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // A name service that was away for a moment has forgotten users that it will know again.
    private static readonly TimeSpan AskAgainForUsers = TimeSpan.FromSeconds(30);

    private readonly LiveSource<TConfiguration> _source;
    private readonly Func<TConfiguration, TRules> _make;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _interval;
    private ConfigurationStamp _stamp;
    private volatile TRules _current;
    private List<string> _missing = [];
    private string _errors = "";
    private long _lookedAt;
    private long _readAt;

    /// <param name="first">What came of <see cref="LiveSource{TConfiguration}.LoadFirst"/>.</param>
    /// <param name="make">Makes rules of a configuration.</param>
    public LivePrincipals(LiveSource<TConfiguration> source, TConfiguration first, Func<TConfiguration, TRules> make, TimeProvider time, ILogger logger)
    {
        _source = source;
        _make = make;
        _time = time;
        _logger = logger;
        _stamp = source.Stamp ?? source.Look();
        _current = make(first);
        _interval = (long)(Interval.TotalSeconds * time.TimestampFrequency);
        _lookedAt = _readAt = time.GetTimestamp();
    }

    /// <summary>At most one second old.</summary>
    public TRules Current
    {
        get
        {
            var now = _time.GetTimestamp();
            var last = Volatile.Read(ref _lookedAt);
            // Whoever comes first looks; the others go on with what there is.
            if (now - last >= _interval && Interlocked.CompareExchange(ref _lookedAt, now, last) == last) Look();
            return _current;
        }
    }

    private void Look()
    {
        // A look that takes longer than the interval must not meet the next one.
        lock (_source)
        {
            var stamp = _source.Look();
            var changed = !_stamp.IsSameAs(stamp);
            var again = !_stamp.IsSettled || (_missing.Count > 0 && _time.GetElapsedTime(_readAt) >= AskAgainForUsers);
            _stamp = stamp;
            if (changed || again) Read(changed);
        }
    }

    private void Read(bool changed)
    {
        _readAt = _time.GetTimestamp();
        List<string> missing = [];
        var loaded = _source.LoadAgain(missing);
        if (loaded.Value is not { } configuration)
        {
            Complain(loaded.Errors);
            return;
        }

        _current = _make(configuration);
        _errors = "";
        if (changed) Log.Reread(_logger, _source.File);
        foreach (var name in missing)
        {
            if (!_missing.Contains(name)) Log.Withdrawn(_logger, name);
        }

        _missing = missing;
    }

    private void Complain(IReadOnlyList<ConfigurationProblem> problems)
    {
        var errors = string.Join('\n', problems);
        if (errors == _errors) return;
        _errors = errors;
        foreach (var error in problems) Log.Kept(_logger, error.ToString(), error.Hint);
    }

    private static partial class Log
    {
        [LoggerMessage(303, LogLevel.Information, "{File} or what belongs to it has changed: its principals are in force now, its other settings from the next start on")]
        public static partial void Reread(ILogger logger, string file);

        [LoggerMessage(304, LogLevel.Error, "the configuration has changed and cannot be used, the former principals stay in force: {Error} (hint: {Hint})")]
        public static partial void Kept(ILogger logger, string error, string hint);

        [LoggerMessage(305, LogLevel.Warning, "the user '{User}' of a [[principal]] is unknown on this machine now: what he was admitted to is withdrawn (code=user_unknown; hint: create the user, or remove the principal)")]
        public static partial void Withdrawn(ILogger logger, string user);
    }
}
