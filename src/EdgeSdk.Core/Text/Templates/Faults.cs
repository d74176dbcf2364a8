using System.Runtime.CompilerServices;

namespace EdgeSdk.Text.Templates;

/// <summary>What an operation on values cannot do; the evaluator, which knows the place in the template, makes an <see cref="EdgeException"/> of it.</summary>
internal sealed class TemplateFault(string message, EdgeErrorCode code = EdgeErrorCode.InvalidModel) : Exception(message)
{
    public EdgeErrorCode Code => code;
}

/// <summary>Keeps nested values and expressions from overflowing the stack.</summary>
internal static class StackLimit
{
    /// <exception cref="TemplateFault">The stack is nearly full.</exception>
    public static void Check()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TemplateFault("this is nested too deeply.");
    }
}
