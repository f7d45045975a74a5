using EstProv.Platform;
using EstProv.Platform.Time;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>The way from a URI to the token as it is now: connects when it is needed, and again after a loss.</summary>
/// <remarks>
/// After a loss callers are held until the token is back, for as long as they can wait for their answer. When it has been away for
/// longer, they are told at once. A failed connection is not tried again for a moment, so that clients who ask all the time do not wear out a token.
/// </remarks>
internal sealed class TokenLink(Pkcs11Connection connection, Pkcs11Uri uri)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan QuietAfterFailure = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan QuietAfterLoss = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(30);

    private readonly object _gate = new(); // Monitor, for its waits with a time limit
    private volatile Pkcs11Token? _token;
    private volatile Failure? _failure;
    private Pkcs11Token? _lastLost; // this and the next are guarded by the gate
    private long? _lostAt;

    public Pkcs11Uri Uri => uri;

    public Pkcs11Connection Connection => connection;

    /// <summary>The token, logged in to.</summary>
    /// <exception cref="ProblemException">The cause, at most half a second old.</exception>
    public Pkcs11Token Connect()
    {
        var attempts = new TokenAttempts(this);
        return Connect(ref attempts);
    }

    /// <inheritdoc cref="Connect()"/>
    internal Pkcs11Token Connect(ref TokenAttempts attempts)
    {
        var token = _token;
        if (token is { IsAbandoned: false }) return token;
        connection.Counts.BeginWait();
        try
        {
            return Reconnect(ref attempts);
        }
        catch (ProblemException problem)
        {
            connection.Counts.Failed(problem);
            throw;
        }
        finally
        {
            connection.Counts.EndWait();
        }
    }

    /// <summary>What an operation has failed with for good.</summary>
    public ProblemException Failed(CKR result, string what, Pkcs11Token token) =>
        connection.Counts.Failed(Pkcs11Problem.Explain(result, what, token.Description));

    // One thread connects; the others have its token or its failure.
    private Pkcs11Token Reconnect(ref TokenAttempts attempts)
    {
        attempts.Begin();
        if (!Monitor.TryEnter(_gate, attempts.Left)) throw connection.Busy(uri);
        try
        {
            while (true)
            {
                if (_token is { IsAbandoned: false } token) return token;
                NoteLoss();
                var holds = IsRecovering && attempts.Left > QuietAfterLoss;
                var quiet = IsRecovering ? QuietAfterLoss : QuietAfterFailure;
                if (_failure is not { } recent || connection.Time.GetElapsedTime(recent.At) >= quiet)
                {
                    if (TryConnect() is not { } problem) continue;
                    if (!holds || !MayPass(problem)) throw problem;
                }
                else if (!holds || !MayPass(recent.Problem))
                {
                    throw recent.Again();
                }

                Waiting.At(_gate, QuietAfterLoss, connection.Time);
            }
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    private ProblemException? TryConnect()
    {
        try
        {
            _token = connection.Connect(uri);
            _failure = null;
            Monitor.PulseAll(_gate);
            return null;
        }
        catch (ProblemException problem)
        {
            _failure = new Failure(problem, connection.Time.GetTimestamp());
            return problem;
        }
    }

    private bool IsRecovering => _lostAt is { } at && connection.Time.GetElapsedTime(at) < LongestOutage;

    // An outage lasts until something has worked again, however often the token could be opened in between.
    private void NoteLoss()
    {
        if (_token is not { } lost || lost == _lastLost) return;
        _lastLost = lost;
        if (lost.IsProved || _lostAt is null) _lostAt = connection.Time.GetTimestamp();
    }

    // What the configuration or a PIN is to blame for does not pass by itself.
    private static bool MayPass(ProblemException problem) =>
        problem.Code.StartsWith("token_", StringComparison.Ordinal) ? problem.Code != "token_ambiguous"
        : problem.Code.StartsWith("module_", StringComparison.Ordinal) && problem.Code != "module_mismatch";

    /// <summary>Does something with a session; again on a new one when the first turns out to be lost.</summary>
    /// <param name="what">For messages, such as <c>signing with key 'device-id'</c>.</param>
    /// <param name="writing">It changes the token, and may take long.</param>
    public T With<T>(string what, bool writing, SessionCall<T> call)
    {
        var attempts = new TokenAttempts(this);
        while (true)
        {
            var token = Connect(ref attempts);
            var result = token.Rent(out var session, patient: writing);
            var value = default(T);
            if (result == CKR.CKR_OK)
            {
                try
                {
                    result = call(token, session, out value);
                    if (result == CKR.CKR_OK) result = session.Trouble;
                }
                catch (ProblemException) when (session.Trouble != CKR.CKR_OK)
                {
                    // It was concluded from what could not be read.
                    result = session.Trouble;
                }
                finally
                {
                    token.Return(session, sound: result == CKR.CKR_OK);
                }
            }

            if (result == CKR.CKR_OK) return value!;
            if (!attempts.MayGoOn(token, result)) throw Failed(result, what, token);
        }
    }

    private sealed class Failure(ProblemException problem, long at)
    {
        public ProblemException Problem => problem;

        public long At => at;

        // An exception object is not thrown twice: two threads may hold it.
        public ProblemException Again() => new(problem.Code, problem.Message, problem.Hint, problem.Status, problem.InnerException);
    }
}

/// <summary>A few calls of the module; an unusual return value goes back instead of being thrown.</summary>
internal delegate CKR SessionCall<T>(Pkcs11Token token, Pkcs11Session session, out T value);
