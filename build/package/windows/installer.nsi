; The installer for Windows: for the user who runs it, without administrator
; rights. /S installs without asking, /D=C:\folder (last, unquoted) elsewhere.
; Made by build/package/windows/build, which sets VERSION, NUMBERS, FILES,
; TEXTS, ICON, WIZARD, OUT and, to sign the uninstaller, SIGN.

Unicode True
Target amd64-unicode
SetCompressor /SOLID lzma
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS Win10

!include MUI2.nsh
!include FileFunc.nsh

!define PROGRAM "bitfount-tray.exe"
!define COMMAND "bitfount-auth.exe"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\com.bitfount.tray"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPROVED "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"

Name "Bitfount Tray"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\Bitfount Tray"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText "Bitfount Tray ${VERSION}"
ShowInstDetails nevershow
ShowUninstDetails nevershow

VIProductVersion "${NUMBERS}"
VIFileVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "Bitfount Tray"
VIAddVersionKey "CompanyName" "Bitfount"
VIAddVersionKey "FileDescription" "Bitfount Tray Setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "Apache License 2.0"

!ifdef SIGN
	!uninstfinalize '"${SIGN}" --sign "%1"' = 0
!endif

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${WIZARD}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!define MUI_FINISHPAGE_RUN_TEXT "$(START)"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
; Those that the program speaks; the first where Windows speaks another one.
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"
!insertmacro MUI_LANGUAGE "French"
!insertmacro MUI_LANGUAGE "Spanish"
!insertmacro MUI_LANGUAGE "Italian"

!macro Text NAME EN DE FR ES IT
	LangString ${NAME} ${LANG_ENGLISH} "${EN}"
	LangString ${NAME} ${LANG_GERMAN} "${DE}"
	LangString ${NAME} ${LANG_FRENCH} "${FR}"
	LangString ${NAME} ${LANG_SPANISH} "${ES}"
	LangString ${NAME} ${LANG_ITALIAN} "${IT}"
!macroend
!insertmacro Text START "Start Bitfount Tray" "Bitfount Tray starten" "Lancer Bitfount Tray" "Iniciar Bitfount Tray" "Avvia Bitfount Tray"
!insertmacro Text ABOUT "Keeps your Bitfount session alive" "Hält Sie bei Bitfount angemeldet" "Garde votre session Bitfount ouverte" \
	"Mantiene abierta su sesión de Bitfount" "Tiene aperta la Sua sessione Bitfount"
!insertmacro Text RUNNING "Bitfount Tray is still running.$\n$\nChoose Quit in its menu, then Retry." \
	"Bitfount Tray läuft noch.$\n$\nWählen Sie in seinem Menü „Beenden“ und dann „Wiederholen“." \
	"Bitfount Tray fonctionne encore.$\n$\nChoisissez « Quitter » dans son menu, puis « Réessayer »." \
	"Bitfount Tray sigue en marcha.$\n$\nElija «Salir» en su menú y después «Reintentar»." \
	"Bitfount Tray è ancora in esecuzione.$\n$\nScelga «Chiudi Bitfount Tray» nel suo menu, poi «Riprova»."
!insertmacro Text UNCHANGED "Bitfount Tray is still running. Nothing was changed." "Bitfount Tray läuft noch. Nichts wurde geändert." \
	"Bitfount Tray fonctionne encore. Rien n’a été modifié." "Bitfount Tray sigue en marcha. No se ha cambiado nada." \
	"Bitfount Tray è ancora in esecuzione. Nulla è stato modificato."
!insertmacro Text UNWRITTEN "The files could not be written to $INSTDIR." "Die Dateien konnten nicht nach $INSTDIR geschrieben werden." \
	"Les fichiers n’ont pas pu être écrits dans $INSTDIR." "No se pudieron escribir los archivos en $INSTDIR." \
	"Non è stato possibile scrivere i file in $INSTDIR."
!insertmacro Text FORGET "Also forget the accounts and settings of Bitfount Tray on this computer?$\n$\nSessions that were not signed out end at Bitfount by themselves." \
	"Auch die Konten und Einstellungen von Bitfount Tray auf diesem Computer vergessen?$\n$\nSitzungen, die nicht abgemeldet wurden, enden bei Bitfount von selbst." \
	"Oublier aussi les comptes et les réglages de Bitfount Tray sur cet ordinateur ?$\n$\nLes sessions qui n’ont pas été fermées se terminent d’elles-mêmes chez Bitfount." \
	"¿Olvidar también las cuentas y los ajustes de Bitfount Tray en este equipo?$\n$\nLas sesiones que no se cerraron terminan por sí solas en Bitfount." \
	"Dimenticare anche gli account e le impostazioni di Bitfount Tray su questo computer?$\n$\nLe sessioni non chiuse terminano da sole presso Bitfount."

Var Running ; "1": it ran when it was to be replaced

; End asks a running Bitfount Tray to end, and waits until its file can be
; written to, which Windows allows only when no process runs from it.
!macro End un
Function ${un}End
	StrCpy $Running ""
	IfFileExists "$INSTDIR\${PROGRAM}" 0 done
	StrCpy $1 0
	try:
		ClearErrors
		FileOpen $0 "$INSTDIR\${PROGRAM}" a
		IfErrors 0 free
		StrCmp $Running "1" wait
			StrCpy $Running "1"
			nsExec::Exec '"$INSTDIR\${PROGRAM}" --quit'
			Pop $0
	wait:
		Sleep 200
		IntOp $1 $1 + 1
		IntCmp $1 75 0 try ; 15 seconds: a renewal under way ends first
		MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNNING)" /SD IDCANCEL IDRETRY again
		SetErrorLevel 2
		Abort "$(UNCHANGED)"
	again:
		StrCpy $1 0
		Goto try
	free:
		FileClose $0
	done:
FunctionEnd
!macroend
!insertmacro End ""
!insertmacro End "un."

Section
	Call End
	SetOutPath "$INSTDIR"
	; A command line that is still at work keeps its file, which can be renamed.
	Delete "$INSTDIR\${COMMAND}.old"
	Rename "$INSTDIR\${COMMAND}" "$INSTDIR\${COMMAND}.old"
	Delete "$INSTDIR\${COMMAND}.old"
	ClearErrors
	File "${FILES}/${PROGRAM}"
	File "${FILES}/${COMMAND}"
	File "${TEXTS}/LICENSE.txt"
	File "${TEXTS}/NOTICES.txt"
	WriteUninstaller "$INSTDIR\uninstall.exe"
	IfErrors 0 +3
		SetErrorLevel 2
		Abort "$(UNWRITTEN)"
	CreateShortcut "$SMPROGRAMS\Bitfount Tray.lnk" "$INSTDIR\${PROGRAM}" "" "" "" "" "" "$(ABOUT)"

	WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Bitfount Tray"
	WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
	WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\${PROGRAM},0"
	WriteRegStr HKCU "${UNINSTALL}" "Publisher" "Bitfount"
	WriteRegStr HKCU "${UNINSTALL}" "URLInfoAbout" "https://www.bitfount.com"
	WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
	WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
	WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
	WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
	WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
	${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
	WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" $0

	; An update without questions leaves things as it found them.
	IfSilent 0 +3
	StrCmp $Running "1" 0 +2
		Exec '"$INSTDIR\${PROGRAM}" --hidden'
SectionEnd

Section "un.Bitfount Tray"
	Call un.End
	; The program adds this entry when its user wants it started at login.
	ReadRegStr $0 HKCU "${RUN}" "Bitfount Tray"
	StrLen $1 "$INSTDIR"
	StrCpy $2 $0 $1        ; unquoted
	StrCpy $3 $0 $1 1      ; after a quotation mark
	StrCmp $2 "$INSTDIR" ours
	StrCmp $3 "$INSTDIR" ours others
	ours:
		DeleteRegValue HKCU "${RUN}" "Bitfount Tray"
		DeleteRegValue HKCU "${APPROVED}" "Bitfount Tray"
	others:
	Delete "$SMPROGRAMS\Bitfount Tray.lnk"
	Delete "$INSTDIR\${PROGRAM}"
	Delete "$INSTDIR\${COMMAND}"
	Delete "$INSTDIR\${COMMAND}.old"
	Delete "$INSTDIR\LICENSE.txt"
	Delete "$INSTDIR\NOTICES.txt"
	Delete "$INSTDIR\uninstall.exe"
	RMDir "$INSTDIR"
	DeleteRegKey HKCU "${UNINSTALL}"

	MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(FORGET)" /SD IDNO IDNO keep
		RMDir /r "$LOCALAPPDATA\bitfount-tray"
		RMDir /r "$APPDATA\bitfount-tray"
	keep:
SectionEnd
