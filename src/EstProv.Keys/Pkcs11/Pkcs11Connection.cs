using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>The module and the tokens that are open in it. One for a process: PKCS#11 knows no more.</summary>
/// <remarks>
/// Every call of the module is made either under the gate or with a rented session. The module can therefore be finalized and loaded
/// anew, which is the one way that gets every module out of every trouble, as soon as the gate is held and no session is rented.
/// </remarks>
internal sealed partial class Pkcs11Connection : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    // A token that works is not disturbed more often than this by another one that does not.
    private static readonly TimeSpan ReloadBesideOthers = TimeSpan.FromSeconds(30);

    private readonly string _modulePath;
    private readonly PinMemory _pins;
    private readonly IReadOnlyList<Pkcs11Uri> _pinUris;
    private readonly ILogger _logger;
    private readonly object _gate = new(); // Monitor, for its wait with a time limit
    private volatile Pkcs11Token[] _tokens = []; // of this life of the module; abandoned ones as long as somebody uses them. Changed under the gate.
    private volatile Pkcs11Module? _module; // changed under the gate
    private volatile Pkcs11Library? _worn; // the life of the module that is to end
    private long _reloadedAt;
    private bool _reloaded;
    private int _losses;
    private int _reloads;
    private int _failures;
    private bool _disposed;
    private long _openingSince = HangLimits.NotNow;

    /// <param name="pinUris">All URIs of the configuration: one without a PIN may use the PIN of another for the same token.</param>
    public Pkcs11Connection(string modulePath, PinMemory pins, IReadOnlyList<Pkcs11Uri> pinUris, TimeProvider time, ILogger logger)
    {
        _modulePath = modulePath;
        _pins = pins;
        _pinUris = pinUris;
        Time = time;
        _logger = logger;
    }

    public TimeProvider Time { get; }

    public TokenCounts Counts { get; } = new();

    /// <summary>Called on any thread, perhaps often, when a call of the module does not return.</summary>
    public Action? Hangs { get; set; }

    /// <summary>Loads the module where that has not happened yet, finds the token and logs in to it.</summary>
    /// <exception cref="ProblemException"><c>module_*</c>, <c>token_*</c>, <c>pin_*</c>.</exception>
    public Pkcs11Token Connect(Pkcs11Uri uri)
    {
        if (!Monitor.TryEnter(_gate, LongestWait)) throw Busy(uri);
        try
        {
            if (_disposed) throw new ProblemException("stopping", "the Key Service is stopping", "try again when it runs again", 503);
            if (_module is { } old && old.Library == _worn) Unload(old, uri);
            Volatile.Write(ref _openingSince, Environment.TickCount64);
            return Open(_module ??= Pkcs11Module.Load(_modulePath), uri);
        }
        finally
        {
            Volatile.Write(ref _openingSince, HangLimits.NotNow);
            Monitor.Exit(_gate);
        }
    }

    /// <summary>Takes note that a token has been lost by a call that returned <paramref name="result"/>.</summary>
    public void Lost(Pkcs11Token token, CKR result)
    {
        token.Abandon();
        // A session or a login that was closed can be opened again in a module that is in order otherwise. With everything else, and when
        // nothing has worked since that was done, the module itself begins anew.
        if (!token.IsProved || !Pkcs11Problem.IsLossOfSession(result)) _worn = token.Library;
        Interlocked.Increment(ref _losses);
        if (token.ReportLoss()) Log.Lost(_logger, token.Description, Pkcs11Problem.Name(result));
    }

    /// <summary>Somebody else has been opening the token for longer than a caller can wait.</summary>
    public ProblemException Busy(Pkcs11Uri uri)
    {
        CheckForHang();
        return new ProblemException("token_busy", $"{uri} is being opened for more than {LongestWait.TotalSeconds:0} s",
            "check the token's device; the module does not answer", 503);
    }

    /// <summary>Looks whether a call has been in the module for longer than any call takes, and says so to <see cref="Hangs"/>.</summary>
    public void CheckForHang()
    {
        if (IsHanging) Hangs?.Invoke();
    }

    public bool IsHanging => HangLimits.AreExceeded(Volatile.Read(ref _openingSince), _tokens);

    /// <summary>Of the module and its tokens. Asks nobody.</summary>
    public void WriteMetrics(MetricsText metrics)
    {
        metrics.Gauge("estprov_token_up", Array.Exists(_tokens, static token => !token.IsAbandoned) ? 1 : 0)
            .Counter("estprov_token_losses_total", Volatile.Read(ref _losses))
            .Counter("estprov_token_open_failures_total", Volatile.Read(ref _failures))
            .Counter("estprov_token_reloads_total", Volatile.Read(ref _reloads));
        Counts.Write(metrics);
    }

    /// <summary>Ends the module's work; call it when nothing uses a key any more.</summary>
    public void Dispose()
    {
        // A module that hangs while it opens a token keeps the gate for ever.
        if (!Monitor.TryEnter(_gate, LongestWait)) return;
        try
        {
            if (_disposed) return;
            _disposed = true;
            var idle = true;
            foreach (var token in _tokens)
            {
                token.Abandon();
                idle &= token.IsIdle;
            }

            // A call that hangs is still in the module; it ends with the process.
            if (idle) _module?.Dispose();
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    private Pkcs11Token Open(Pkcs11Module module, Pkcs11Uri uri)
    {
        try
        {
            var facts = SlotSearch.Find(module, uri);
            foreach (var open in _tokens)
            {
                if (open.Facts.Slot == facts.Slot && !open.IsAbandoned) return open;
            }

            var pin = new TokenPin(module.Path, PinFor(module, facts, uri), _pins);
            var token = new Pkcs11Token(module.Library, facts, TokenLogin.Open(module, facts, pin), pin, Counts);
            _tokens = [.. Array.FindAll(_tokens, static token => !token.IsAbandoned || !token.IsIdle), token];
            Log.Opened(_logger, token.Description, facts.Model, facts.Serial, _modulePath);
            return token;
        }
        catch (ProblemException problem)
        {
            _failures++;
            // Many modules look for tokens in C_Initialize only, and some are in order again only after it: the next try begins with that.
            if (!problem.Code.StartsWith("pin_", StringComparison.Ordinal) && MayReload()) _worn = module.Library;
            throw;
        }
    }

    private bool MayReload()
    {
        foreach (var token in _tokens)
        {
            if (!token.IsAbandoned) return !_reloaded || Time.GetElapsedTime(_reloadedAt) >= ReloadBesideOthers;
        }

        return true;
    }

    private void Unload(Pkcs11Module module, Pkcs11Uri uri)
    {
        foreach (var token in _tokens) token.Abandon();
        var until = Environment.TickCount64 + (long)LongestWait.TotalMilliseconds;
        foreach (var token in _tokens)
        {
            if (!token.WaitIdle(until)) throw Busy(uri);
        }

        _module = null;
        _tokens = [];
        _worn = null;
        (_reloaded, _reloadedAt) = (true, Time.GetTimestamp());
        _reloads++;
        Volatile.Write(ref _openingSince, Environment.TickCount64);
        module.Dispose();
    }

    private Pkcs11Uri? PinFor(Pkcs11Module module, TokenFacts token, Pkcs11Uri uri)
    {
        if (uri.HasPin) return uri;
        foreach (var other in _pinUris)
        {
            if (!other.HasPin) continue;
            try
            {
                if (SlotSearch.Find(module, other).Slot == token.Slot) return other;
            }
            catch (ProblemException)
            {
                // It names a token that is not there: not this one.
                continue;
            }
        }

        return null;
    }

    private static partial class Log
    {
        [LoggerMessage(21, LogLevel.Information, "opened {Token} (model {Model}, serial {Serial}) through {Module}")]
        public static partial void Opened(ILogger logger, string token, string model, string serial, string module);

        [LoggerMessage(22, LogLevel.Warning, "{Token} was lost ({Result}); it is opened again by itself "
            + "(code=token_lost; hint: nothing to do, unless it happens again and again: then check the token's device and its daemon)")]
        public static partial void Lost(ILogger logger, string token, string result);
    }
}
