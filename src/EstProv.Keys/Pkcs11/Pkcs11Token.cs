using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// A token as it was found and logged in to, with its sessions. When the token, the login or a session is lost, the object is abandoned
/// for good and another one takes its place, so that nobody uses a handle of an earlier life.
/// </summary>
/// <remarks>
/// The login belongs to all sessions of the process, and ends with the last of them (PKCS#11 v2.40 section 4.6.4): one is therefore kept
/// open, whatever happens. All sessions are of one kind, read/write where the token allows it, so that a token with a single session
/// serves as well.
/// </remarks>
internal sealed class Pkcs11Token
{
    private const int MostSessions = 32;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly object _gate = new(); // Monitor, for its wait
    private readonly Stack<Pkcs11Session> _idle = new();
    private readonly List<Pkcs11Session> _rented = [];
    private readonly ulong _flags;
    private readonly TokenCounts _counts;
    private int _most;
    private int _opening; // counted as rented, not in the list yet or not any more
    private volatile bool _abandoned;
    private volatile bool _proved;
    private bool _lossReported;

    public Pkcs11Token(Pkcs11Library library, TokenFacts facts, OpenedSession first, TokenPin pin, TokenCounts counts)
    {
        _counts = counts;
        Library = library;
        Facts = facts;
        Pin = pin;
        _flags = first.Flags;
        _most = facts.LimitOf(first.MayWrite) is { } limit ? (int)Math.Clamp(limit, 1UL, MostSessions) : MostSessions;
        _idle.Push(new Pkcs11Session(library, first.Handle));
    }

    public Pkcs11Library Library { get; }

    public TokenFacts Facts { get; }

    /// <summary>For keys that ask for it before every use.</summary>
    public TokenPin Pin { get; }

    /// <summary>The token for people, such as <c>token 'edge' in slot 0</c>.</summary>
    public string Description => Facts.Description;

    public bool IsAbandoned => _abandoned;

    /// <summary>Something has worked since it was opened.</summary>
    public bool IsProved => _proved;

    /// <summary>True once: for whoever tells of its loss.</summary>
    public bool ReportLoss() => !Interlocked.Exchange(ref _lossReported, true);

    /// <summary>Whether its sessions may change something.</summary>
    public bool MayWrite => (_flags & CKF.CKF_RW_SESSION) != 0;

    /// <summary>CKR_USER_NOT_LOGGED_IN where the login is lost although the session lives.</summary>
    public CKR CheckLogin(Pkcs11Session session) => Facts.Has(CKF.CKF_LOGIN_REQUIRED) ? session.CheckLogin() : CKR.CKR_OK;

    /// <summary>The login for one use of a key with CKA_ALWAYS_AUTHENTICATE, after the operation was begun (PKCS#11 v2.40 section 4.9).</summary>
    /// <exception cref="ProblemException"><c>pin_*</c>.</exception>
    public CKR LoginForUse(Pkcs11Session session)
    {
        var result = Pin.Login(Library, session.Handle, CKU.CKU_CONTEXT_SPECIFIC, Facts);
        return TokenPin.IsRefusal(result) ? throw _counts.Failed(TokenLogin.Explain(result, Facts, Pin)) : result;
    }

    /// <summary>No session is in anybody's hands.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate) return Taken == 0;
        }
    }

    private int Taken => _rented.Count + _opening;

    /// <exception cref="ProblemException"><c>token_busy</c>.</exception>
    /// <param name="patient">It is for something that may take long, such as generating a key.</param>
    public CKR Rent(out Pkcs11Session session, bool patient = false)
    {
        session = null!;
        while (true)
        {
            if (!TryTake(out session!, patient)) return CKR.CKR_SESSION_CLOSED;
            if (session is not null) return CKR.CKR_OK;
            var result = Open(out var fresh);
            lock (_gate)
            {
                _opening--;
                if (result == CKR.CKR_OK)
                {
                    session = fresh!;
                    Hand(session, patient);
                    return CKR.CKR_OK;
                }

                // It allows fewer than it says: those that there are have to do.
                var have = Taken + _idle.Count;
                var limited = result == CKR.CKR_SESSION_COUNT && have > 0;
                if (limited) _most = Math.Min(_most, have);
                Monitor.PulseAll(_gate);
                if (!limited) return result;
            }
        }
    }

    /// <summary>False when it is abandoned; without a session, one may be opened.</summary>
    private bool TryTake(out Pkcs11Session? session, bool patient)
    {
        session = null;
        var until = Environment.TickCount64 + (long)LongestWait.TotalMilliseconds;
        lock (_gate)
        {
            while (!_abandoned && Taken >= _most)
            {
                var left = until - Environment.TickCount64;
                if (left > 0)
                {
                    _counts.BeginWait();
                    Monitor.Wait(_gate, (int)left);
                    _counts.EndWait();
                    continue;
                }

                throw _counts.Failed(IsPatientOut
                    ? new ProblemException("token_busy", $"{Description} is generating a key and does nothing else meanwhile", "try again in a while", 503)
                    : new ProblemException("token_busy", $"{Description} is busy: no session became free within {LongestWait.TotalSeconds:0} s",
                        "send fewer requests at a time", 503));
            }

            if (_abandoned) return false;
            if (_idle.TryPop(out session)) Hand(session, patient);
            else _opening++;
        }

        return true;
    }

    private bool IsPatientOut
    {
        get
        {
            foreach (var session in _rented)
            {
                if (session.IsPatient) return true;
            }

            return false;
        }
    }

    // Under the gate.
    private void Hand(Pkcs11Session session, bool patient)
    {
        session.IsPatient = patient;
        session.Trouble = CKR.CKR_OK;
        session.BusySince = Environment.TickCount64;
        _rented.Add(session);
    }

    /// <param name="sound">Every call went well: otherwise nobody knows which operation the session is left in.</param>
    public void Return(Pkcs11Session session, bool sound)
    {
        if (sound)
        {
            if (!_proved) _proved = true;
            lock (_gate)
            {
                if (!_abandoned)
                {
                    _rented.Remove(session);
                    _idle.Push(session);
                    Monitor.PulseAll(_gate);
                    return;
                }
            }
        }

        try
        {
            var next = sound ? session : Replace(session);
            lock (_gate)
            {
                if (!_abandoned && next is not null)
                {
                    _idle.Push(next);
                    next = null;
                }
            }

            // Before it is counted out: the module may be unloaded when nothing counts any more.
            if (next is not null) _ = Library.C_CloseSession(next.Handle);
        }
        finally
        {
            lock (_gate)
            {
                _rented.Remove(session);
                Monitor.PulseAll(_gate);
            }
        }
    }

    // The new one first: the login would end with the last session.
    private Pkcs11Session? Replace(Pkcs11Session session)
    {
        if (!_abandoned)
        {
            var result = Open(out var fresh);
            if (result == CKR.CKR_SESSION_COUNT)
            {
                // The only one is kept; where an operation is left in it, the next call says so.
                if (IsOnly) return session;
                _ = Library.C_CloseSession(session.Handle);
                if (Open(out fresh) == CKR.CKR_OK) return fresh;
                Abandon();
                return null;
            }

            if (result == CKR.CKR_OK)
            {
                _ = Library.C_CloseSession(session.Handle);
                return fresh;
            }

            Abandon();
        }

        _ = Library.C_CloseSession(session.Handle);
        return null;
    }

    private bool IsOnly
    {
        get
        {
            lock (_gate) return Taken + _idle.Count == 1;
        }
    }

    private CKR Open(out Pkcs11Session? session)
    {
        ulong handle = 0;
        var result = Library.C_OpenSession(Facts.Slot, _flags, IntPtr.Zero, IntPtr.Zero, ref handle);
        session = result == CKR.CKR_OK ? new Pkcs11Session(Library, handle) : null;
        return result;
    }

    /// <summary>
    /// Gives up this life of the token. Only idle sessions are closed here: one that is in use is closed by its user, since a module
    /// may give its number to somebody else at once.
    /// </summary>
    public void Abandon()
    {
        Pkcs11Session[] idle;
        lock (_gate)
        {
            if (_abandoned && _idle.Count == 0) return;
            _abandoned = true;
            idle = [.. _idle];
            _idle.Clear();
            _opening++; // the module has to stay until these are closed
            Monitor.PulseAll(_gate);
        }

        foreach (var session in idle) _ = Library.C_CloseSession(session.Handle);
        lock (_gate)
        {
            _opening--;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until no session is in anybody's hands.</summary>
    /// <param name="until">In milliseconds, as <see cref="Environment.TickCount64"/> counts.</param>
    public bool WaitIdle(long until)
    {
        lock (_gate)
        {
            while (Taken > 0)
            {
                var left = until - Environment.TickCount64;
                if (left <= 0) return false;
                Monitor.Wait(_gate, (int)left);
            }
        }

        return true;
    }

    /// <summary>How long the oldest use of a session has been going on, those that may take long apart.</summary>
    public (TimeSpan Oldest, TimeSpan OldestPatient) Busy()
    {
        var (oldest, patient) = (TimeSpan.Zero, TimeSpan.Zero);
        var now = Environment.TickCount64;
        lock (_gate)
        {
            foreach (var session in _rented)
            {
                var busy = TimeSpan.FromMilliseconds(now - session.BusySince);
                if (!session.IsPatient && busy > oldest) oldest = busy;
                if (session.IsPatient && busy > patient) patient = busy;
            }
        }

        return (oldest, patient);
    }
}
