using EstProv.Certificates.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Support;

/// <summary>Problems of credentials as those see them who ask for their state.</summary>
internal static class CredentialProblems
{
    public static ProblemException AsShown(this CredentialProblem problem) => new(problem.Code, problem.Message, problem.Hint);
}
