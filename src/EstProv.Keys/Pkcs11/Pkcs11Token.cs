using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// A token as it was found and logged in to, with its sessions. When the token, the login or a session is lost, the object is abandoned
/// for good and another one takes its place, so that nobody uses a handle of an earlier life.
/// </summary>
/// <remarks>
/// The login belongs to all sessions of the process, and ends with the last of them (PKCS#11 v2.40 section 4.6.4): one that is idle is
/// therefore kept open, whatever happens.
/// </remarks>
internal sealed class Pkcs11Token
{
    private const int MostSessions = 32;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly object _gate = new(); // Monitor, for its wait
    private readonly Stack<Pkcs11Session> _idle = new();
    private readonly int _most;
    private int _rented;
    private volatile bool _abandoned;

    public Pkcs11Token(Pkcs11Library library, TokenFacts facts, ulong firstSession)
    {
        Library = library;
        Facts = facts;
        // One is left for writing.
        _most = facts.MostSessions is > 0 and < MostSessions ? Math.Max(1, (int)facts.MostSessions - 1) : MostSessions;
        _idle.Push(new Pkcs11Session(library, firstSession));
    }

    public Pkcs11Library Library { get; }

    public TokenFacts Facts { get; }

    /// <summary>The token for people, such as <c>token 'edge' in slot 0</c>.</summary>
    public string Description => Facts.Description;

    public bool IsAbandoned => _abandoned;

    /// <summary>CKR_USER_NOT_LOGGED_IN where the login is lost although the session lives.</summary>
    public CKR CheckLogin(Pkcs11Session session) => Facts.Has(CKF.CKF_LOGIN_REQUIRED) ? session.CheckLogin() : CKR.CKR_OK;

    /// <summary>No session is in anybody's hands.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate) return _rented == 0;
        }
    }

    /// <exception cref="ProblemException"><c>token_busy</c>, <c>token_sessions</c>.</exception>
    public CKR Rent(out Pkcs11Session session)
    {
        session = null!;
        lock (_gate)
        {
            while (!_abandoned && _rented >= _most)
            {
                if (Monitor.Wait(_gate, LongestWait)) continue;
                throw new ProblemException("token_busy", $"{Description} is busy: no session became free within {LongestWait.TotalSeconds:0} s",
                    "send fewer requests at a time", 503);
            }

            if (_abandoned) return CKR.CKR_SESSION_CLOSED;
            _rented++;
            if (_idle.TryPop(out session!)) return CKR.CKR_OK;
        }

        return OpenRented(writing: false, out session);
    }

    /// <param name="sound">Every call went well: otherwise nobody knows which operation the session is left in.</param>
    public void Return(Pkcs11Session session, bool sound)
    {
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
            Release();
        }
    }

    // The new one first: the login would end with the last session.
    private Pkcs11Session? Replace(Pkcs11Session session)
    {
        if (!_abandoned)
        {
            if (Open(writing: false, out var fresh) == CKR.CKR_OK)
            {
                _ = Library.C_CloseSession(session.Handle);
                return fresh;
            }

            Abandon();
        }

        _ = Library.C_CloseSession(session.Handle);
        return null;
    }

    // What is not opened is not rented, whatever the module does.
    private CKR OpenRented(bool writing, out Pkcs11Session session)
    {
        var result = CKR.CKR_GENERAL_ERROR;
        try
        {
            result = Open(writing, out session);
            return result;
        }
        finally
        {
            if (result != CKR.CKR_OK) Release();
        }
    }

    private CKR Open(bool writing, out Pkcs11Session session)
    {
        ulong handle = 0;
        var flags = CKF.CKF_SERIAL_SESSION | (writing ? CKF.CKF_RW_SESSION : 0);
        var result = Library.C_OpenSession(Facts.Slot, flags, IntPtr.Zero, IntPtr.Zero, ref handle);
        session = result == CKR.CKR_OK ? new Pkcs11Session(Library, handle) : null!;
        return result;
    }

    private void Release()
    {
        lock (_gate)
        {
            _rented--;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>A session that may write; closed by the caller with <see cref="Close"/>.</summary>
    public CKR OpenWriting(out Pkcs11Session session)
    {
        session = null!;
        lock (_gate)
        {
            if (_abandoned) return CKR.CKR_SESSION_CLOSED;
            _rented++;
        }

        return OpenRented(writing: true, out session);
    }

    public void Close(Pkcs11Session session)
    {
        _ = Library.C_CloseSession(session.Handle);
        Release();
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
            _abandoned = true;
            idle = [.. _idle];
            _idle.Clear();
            _rented++; // the module has to stay until these are closed
            Monitor.PulseAll(_gate); // who waits for a session has none to wait for
        }

        foreach (var session in idle) _ = Library.C_CloseSession(session.Handle);
        Release();
    }
}
