using EdgeSdk.Models;
using EdgeSdk.Text;

namespace EdgeSdk.Cli;

/// <summary>The prompts of dialogues for a model: before each of the assistant's turns, the tools in reach and the reference history.</summary>
internal static class DialoguePrompts
{
    /// <summary>Reads a file of dialogues and renders every turn by the folder's own template and tokenizer.</summary>
    /// <param name="modelFolder">The device's model folder.</param>
    /// <param name="dialogues">The file (<see cref="Dialogues"/>).</param>
    /// <param name="count">Dialogues, the first of the file; as many as it has where it has fewer.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>By dialogue and turn. A history that fills the context leaves no turn to write: it is left out.</returns>
    /// <exception cref="EdgeException">InvalidModel: the folder has no tokenizer or no template. InvalidArgument: the file is not one of dialogues.</exception>
    public static IReadOnlyList<IReadOnlyList<int[]>> Read(string modelFolder, string dialogues, int count, CancellationToken cancellationToken)
    {
        var folder = ModelFolder.Open(modelFolder, ModelVerification.Sizes, cancellationToken);
        if (folder.TokenizerFile is not { } file || folder.ReadChatTemplate() is not { } template)
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{folder.Directory} has no tokenizer.json or no chat_template.jinja, which dialogues need. Copy them from the model that it was converted from.");

        var tokenizer = Tokenizer.Load(file);
        return [.. Dialogues.Read(dialogues).Take(count).Select(PromptsOf)];

        int[][] PromptsOf(Dialogue dialogue) =>
            [.. dialogue.AssistantTurns().Select(turn => PromptOf(dialogue, turn)).Where(prompt => prompt.Length < folder.Info.ContextLength)];

        int[] PromptOf(Dialogue dialogue, int turn) =>
            ChatPrompt.Encode(tokenizer, template, dialogue.History(turn), dialogue.ToolsAsJson());
    }
}
