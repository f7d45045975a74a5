namespace EstProv.LocalApi.Server;

/// <summary>What differs for one route.</summary>
public sealed class RouteOptions
{
    /// <summary>
    /// The handler waits by design (a long poll): it has no deadline, counts apart, and its <see cref="LocalRequest.Stopping"/> is set
    /// too when its client goes away.
    /// </summary>
    public bool Waits { get; init; }

    /// <summary>
    /// How long the handler may take before its client is answered 504 in its place (it itself cannot be cancelled); null means
    /// <see cref="LocalServerOptions.RequestDeadline"/>. For what may be slow but does not wait, such as making an RSA key in a token.
    /// </summary>
    public TimeSpan? Deadline { get; init; }
}

/// <summary>
/// Answers one request on a blocking thread. A <see cref="Platform.ProblemException"/> becomes the error answer with its status; any
/// other exception becomes 500.
/// </summary>
public delegate void RouteHandler(LocalRequest request, LocalResponse response);
