using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Pkcs11;

/// <summary>The module and the tokens that are open in it. One for a process: PKCS#11 knows no more.</summary>
internal sealed partial class Pkcs11Connection : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly string _modulePath;
    private readonly PinMemory _pins;
    private readonly IReadOnlyList<Pkcs11Uri> _pinUris;
    private readonly ILogger _logger;
    private readonly Dictionary<ulong, Pkcs11Token> _tokens = [];
    private readonly object _gate = new(); // Monitor, for its wait with a time limit
    private Pkcs11Module? _module;
    private bool _disposed;

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

    /// <summary>Loads the module where that has not happened yet, finds the token and logs in to it.</summary>
    /// <exception cref="ProblemException"><c>module_*</c>, <c>token_*</c>, <c>pin_*</c>.</exception>
    public Pkcs11Token Connect(Pkcs11Uri uri)
    {
        if (!Monitor.TryEnter(_gate, LongestWait)) throw Busy(uri);
        try
        {
            if (_disposed) throw new ProblemException("stopping", "the Key Service is stopping", "", 503);
            _module ??= Pkcs11Module.Load(_modulePath);
            var facts = Find(_module, uri);
            if (_tokens.TryGetValue(facts.Slot, out var open) && !open.IsAbandoned) return open;
            var session = TokenLogin.Open(_module, facts, PinFor(_module, facts, uri), _pins);
            var token = new Pkcs11Token(_module.Library, facts, session);
            _tokens[facts.Slot] = token;
            Log.Opened(_logger, token.Description, facts.Model, facts.Serial, _modulePath);
            return token;
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    /// <summary>Somebody else has been opening the token for longer than a caller can wait.</summary>
    public static ProblemException Busy(Pkcs11Uri uri) => new("token_busy", $"{uri} is being opened for more than {LongestWait.TotalSeconds:0} s",
        "check the token's device; the module does not answer", 503);

    /// <summary>Ends the module's work; call it when nothing uses a key any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            var idle = true;
            foreach (var token in _tokens.Values)
            {
                token.Abandon();
                idle &= token.IsIdle;
            }

            // A call that hangs is still in the module; it ends with the process.
            if (idle) _module?.Dispose();
        }
    }

    // Many modules look for tokens in C_Initialize only: where nothing is open, the next try begins with that.
    private TokenFacts Find(Pkcs11Module module, Pkcs11Uri uri)
    {
        try
        {
            return SlotSearch.Find(module, uri);
        }
        catch (ProblemException)
        {
            foreach (var token in _tokens.Values)
            {
                if (!token.IsAbandoned || !token.IsIdle) throw;
            }

            _tokens.Clear();
            _module = null;
            module.Dispose();
            throw;
        }
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
    }
}
