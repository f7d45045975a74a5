using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Distrust;

/// <summary>CAs that are trusted no more: those of the configuration and those that an operator has named while the daemon ran. Kept over restarts.</summary>
internal sealed partial class DistrustList
{
    private const int Most = 64;

    private readonly string _file;
    private readonly BelievedClock _clock;
    private readonly ILogger _log;
    private readonly Lock _changing = new();
    private volatile DistrustEntry[] _entries = [];

    /// <param name="configured">Of the configuration; one that is new begins now, one that has gone from there goes.</param>
    /// <param name="spread">Over how long what is under a configured one is replaced.</param>
    public DistrustList(string homedir, IReadOnlyList<IssuerName> configured, TimeSpan spread, BelievedClock clock, ILogger log)
    {
        _file = Path.Combine(homedir, "distrusted");
        _clock = clock;
        _log = log;
        Merge(Load(), configured, spread);
    }

    public IReadOnlyList<DistrustEntry> Entries => _entries;

    public bool IsEmpty => _entries.Length == 0;

    /// <summary>Another one as soon as other CAs are distrusted.</summary>
    public string Fingerprint => string.Join('\n', Array.ConvertAll(_entries, static entry => entry.Name.ToString()));

    /// <summary>The first entry that names one of these certificates, or the issuer of the last one; null for none.</summary>
    public DistrustEntry? Find(IReadOnlyList<X509Certificate2> path)
    {
        foreach (var entry in _entries)
        {
            foreach (var certificate in path)
            {
                if (entry.Name.Names(certificate)) return entry;
            }

            if (path.Count > 0 && entry.Name.IsSubject(path[^1].Issuer)) return entry;
        }

        return null;
    }

    /// <summary>The first entry that names this very certificate; null for none.</summary>
    public DistrustEntry? FindItself(X509Certificate2 certificate) => Array.Find(_entries, entry => entry.Name.Names(certificate));

    /// <param name="besides">As if this were distrusted too.</param>
    public X509Certificate2Collection Without(X509Certificate2Collection anchors, IssuerName? besides = null)
    {
        if (IsEmpty && besides is null) return anchors;
        var kept = new X509Certificate2Collection();
        foreach (var anchor in anchors)
        {
            if (besides?.Names(anchor) != true && !Array.Exists(_entries, entry => entry.Name.Names(anchor))) kept.Add(anchor);
        }

        return kept;
    }

    /// <summary>From now on. One that is distrusted already keeps its start.</summary>
    /// <exception cref="ProblemException"><c>distrust_too_many</c> 409; what the disk says.</exception>
    public DistrustEntry Add(IssuerName name, TimeSpan over)
    {
        lock (_changing)
        {
            if (Array.Find(_entries, entry => entry.Name == name) is { } known) return known;
            if (_entries.Length >= Most)
            {
                throw new ProblemException("distrust_too_many", $"{Most} CAs are distrusted already",
                    "take back those that nothing is under any more: estprov distrust --undo", 409);
            }

            var added = new DistrustEntry(name, _clock.Now, over, Configured: false, _clock.IsBelieved);
            Keep([.. _entries, added]);
            return added;
        }
    }

    /// <exception cref="ProblemException"><c>distrust_configured</c>, <c>distrust_unknown</c>, both 409; what the disk says.</exception>
    public void Remove(IssuerName name)
    {
        lock (_changing)
        {
            var known = Array.Find(_entries, entry => entry.Name == name)
                ?? throw new ProblemException("distrust_unknown", $"'{name}' is not distrusted", "estprov distrusted lists what is", 409);
            if (known.Configured)
            {
                throw new ProblemException("distrust_configured", $"'{name}' is distrusted by the configuration",
                    "take it out of distrusted in certd.toml, and restart the Certificates Service", 409);
            }

            Keep(Array.FindAll(_entries, entry => entry != known));
        }
    }

    /// <summary>A start in the future was set by a clock that was wrong, one that was a floor says too little: both become now, as soon as now is believed.</summary>
    public void PutStartsRight()
    {
        lock (_changing)
        {
            if (!_clock.IsBelieved || !Array.Exists(_entries, IsWrong)) return;
            try
            {
                Keep(Array.ConvertAll(_entries, entry => IsWrong(entry) ? entry with { Since = _clock.Now, Settled = true } : entry));
            }
            catch (ProblemException problem)
            {
                Log.NotKept(_log, problem.ToLogText());
            }
        }
    }

    private bool IsWrong(DistrustEntry entry) => !entry.Settled || entry.Since > _clock.Now;

    private List<DistrustEntry> Load()
    {
        try
        {
            return File.Exists(_file) ? DistrustFile.Read(_file, File.ReadAllText(_file)) : [];
        }
        catch (ProblemException problem)
        {
            Log.Damaged(_log, problem.ToLogText());
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(_log, _file);
        }

        return [];
    }

    private void Merge(List<DistrustEntry> known, IReadOnlyList<IssuerName> configured, TimeSpan spread)
    {
        var entries = new List<DistrustEntry>();
        foreach (var entry in known)
        {
            if (configured.Contains(entry.Name)) entries.Add(entry with { Configured = true, Over = spread });
            else if (!entry.Configured) entries.Add(entry);
        }

        foreach (var name in configured)
        {
            if (!known.Exists(entry => entry.Name == name)) entries.Add(new DistrustEntry(name, _clock.Now, spread, Configured: true, _clock.IsBelieved));
        }

        _entries = [.. entries];
        if (entries.Count == known.Count && entries.TrueForAll(known.Contains)) return;
        try
        {
            Keep(_entries);
        }
        catch (ProblemException problem)
        {
            // It is distrusted all the same; its certificates' turns may be other ones after the next start.
            Log.NotKept(_log, problem.ToLogText());
        }
    }

    private void Keep(DistrustEntry[] entries)
    {
        AtomicFile.Write(_file, DistrustFile.Write(entries));
        _entries = entries;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "{Problem}")]
        public static partial void Damaged(ILogger logger, string problem);

        [LoggerMessage(2, LogLevel.Error, "cannot read {Path}: what was distrusted by command is trusted again")]
        public static partial void Unreadable(ILogger logger, string path);

        [LoggerMessage(3, LogLevel.Error, "the list of distrusted CAs could not be kept, it is tried again: {Problem}")]
        public static partial void NotKept(ILogger logger, string problem);
    }
}
