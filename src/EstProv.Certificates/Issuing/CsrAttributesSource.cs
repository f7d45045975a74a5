using EstProv.Est;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Issuing;

/// <summary>The CSR attributes of EST servers, kept as long as their cacerts. A server's bad csrattrs must not cost the device its identity.</summary>
internal sealed class CsrAttributesSource(BelievedClock clock, TimeSpan lifetime)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (CsrAttributes Attributes, long At)> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _silent = new(StringComparer.Ordinal);

    /// <param name="label">The label's URL with what is shown there.</param>
    /// <param name="fetch">DER, null for none.</param>
    /// <param name="note">Why they are not used, for the log; null where all is well.</param>
    /// <exception cref="ProblemException"><c>est_*</c>: the server cannot be asked, so that it cannot be enrolled at either.</exception>
    public CsrAttributes Get(string label, Func<byte[]?> fetch, out string? note)
    {
        note = null;
        lock (_gate)
        {
            if (_known.TryGetValue(label, out var known) && clock.TimeProvider.GetElapsedTime(known.At) < lifetime) return known.Attributes;
        }

        var attributes = CsrAttributes.None;
        try
        {
            attributes = CsrAttributes.Parse(fetch());
        }
        catch (ProblemException problem) when (IsNoAnswer(problem))
        {
            // Where nothing but csrattrs is not answered, the next attempt goes on without.
            lock (_gate)
            {
                if (_silent.Add(label)) throw;
                _silent.Remove(label);
            }

            note = Ignored(problem);
            return attributes;
        }
        catch (ProblemException problem) when (IsOfCsrAttributes(problem))
        {
            note = Ignored(problem);
        }

        lock (_gate)
        {
            _silent.Remove(label);
            _known[label] = (attributes, clock.TimeProvider.GetTimestamp());
        }

        return attributes;
    }

    /// <summary>They turned out to be unusable, or the certificate was refused: the next attempt asks again.</summary>
    public void Forget(string label)
    {
        lock (_gate) _known.Remove(label);
    }

    private static string Ignored(ProblemException problem) => $"its csrattrs are ignored: {problem.ToLogText()}";

    private static bool IsNoAnswer(ProblemException problem) => problem.Code is "est_busy" or "est_timeout" or "est_reset";

    /// <summary>An answer that says nothing about enrolments; RFC 7030 section 4.5 asks for no authentication here.</summary>
    private static bool IsOfCsrAttributes(ProblemException problem) =>
        problem.Code is "est_bad_csrattrs" or "est_bad_answer" or "est_server_error" or "est_rejected" or "est_unauthorized" or "est_forbidden" or "est_redirect";
}
